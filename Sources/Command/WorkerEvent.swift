// An event as workers publish it, written where this command is the worker.

import JSON
import Jobs

enum WorkerEvent {
    static func json(
        _ type: String, at time: WallTime? = nil, _ data: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string(type)
        writer.key("data")
        writer.beginObject()
        data(&writer)
        writer.endObject()
        if let time {
            writer.key("timestamp")
            writer.string(time.description)
        }
        writer.endObject()
        return writer.bytes
    }
}

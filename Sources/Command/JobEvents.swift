// The events of a job that is a command or the lines of one. Pure: what happened in, the JSON of
// docs/protocol.md out.

import JSON
import Jobs

enum JobEvents {
    /// Of a job that has ended before the attempt is a higher one, which starts it over.
    static func start(attempt: Int?, at time: WallTime) -> [UInt8] {
        WorkerEvent.json("status", at: time) { data in
            data.key("status")
            data.string("running")
            guard let attempt else { return }
            data.key("attempt")
            data.integer(attempt)
        }
    }

    static func log(_ lines: [String], stream: LogStream? = nil, at time: WallTime? = nil)
        -> [UInt8]
    {
        WorkerEvent.json("log", at: time) { data in
            data.key("lines")
            data.beginArray()
            for line in lines { data.string(line) }
            data.endArray()
            guard let stream else { return }
            data.key("stream")
            data.string(stream.rawValue)
        }
    }

    /// In the place of lines that are gone.
    static func missing(_ lines: Int, at time: WallTime) -> [UInt8] {
        WorkerEvent.json("log", at: time) { data in
            data.key("log_line")
            data.string("[\(lines) lines may be missing here: Redis was away]")
            data.key("stream")
            data.string(LogStream.errors.rawValue)
            data.key("level")
            data.string("warning")
        }
    }

    /// `result` stays in the job's snapshot, for clients that come later.
    static func end(_ ending: ChildEnding, milliseconds: Int64, at time: WallTime) -> [UInt8] {
        WorkerEvent.json(ending.isSuccess ? "complete" : "error", at: time) { data in
            if ending.isSuccess {
                data.key("status")
                data.string(JobEnd.completed.rawValue)
            } else {
                data.key("error_message")
                data.string(ending.words)
                data.key("status")
                data.string(JobEnd.failed.rawValue)
            }
            data.key("result")
            data.beginObject()
            data.key("exit_code")
            data.integer(ending.exitCode)
            if let signal = ending.signalName {
                data.key("signal")
                data.string(signal)
            }
            data.key("duration_ms")
            data.integer(milliseconds)
            data.endObject()
        }
    }

    /// Where nothing more is known than how it ended.
    static func end(_ end: JobEnd) -> [UInt8] {
        WorkerEvent.json("complete") { data in
            data.key("status")
            data.string(end.rawValue)
        }
    }
}

enum LogStream: String, CaseIterable, Sendable {
    case output = "stdout"
    case errors = "stderr"
}

enum JobEnd: String, CaseIterable {
    case completed, failed
}

// The events that plots are told in, each with the pause before it.

import JSON

struct DemoTeller {
    var chance: Chance
    private(set) var lines: [DemoLine] = []

    init(chance: Chance) { self.chance = chance }

    mutating func status(
        _ status: String, _ attempt: Int, queue: String, message: String? = nil, after: Int
    ) {
        event("status", after: after) { data in
            data.key("status")
            data.string(status)
            if let message {
                data.key("message")
                data.string(message)
            }
            data.key("queue")
            data.string(queue)
            data.key("attempt")
            data.integer(attempt)
        }
    }

    mutating func progress(_ percent: Int, step: String, eta: Int? = nil, after: Int) {
        event("progress", after: after) { data in
            data.key("progress")
            data.integer(percent)
            data.key("current_step")
            data.string(step)
            if let eta {
                data.key("eta_seconds")
                data.integer(eta)
            }
        }
    }

    mutating func step(_ name: String, _ label: String, progress percent: Int) {
        event("step", after: 300) { data in
            data.key("step_name")
            data.string(name)
            data.key("step_label")
            data.string(label)
        }
        progress(percent, step: name, after: 20)
    }

    mutating func log(_ line: String, stream: String = "stdout", after: Int) {
        event("log", after: after) { data in
            data.key("log_line")
            data.string(line)
            data.key("stream")
            data.string(stream)
        }
    }

    /// Many lines in one event.
    mutating func logs(_ lines: [String], after: Int) {
        event("log", after: after) { data in
            data.key("lines")
            data.beginArray()
            for line in lines { data.string(line) }
            data.endArray()
        }
    }

    mutating func error(_ message: String, traceback: String, isFinal: Bool, after: Int) {
        event("error", after: after) { data in
            data.key("error_message")
            data.string(message)
            data.key("traceback")
            data.string(traceback)
            data.key("final")
            data.bool(isFinal)
        }
    }

    mutating func complete(_ message: String) {
        event("complete", after: 400) { data in
            data.key("status")
            data.string("completed")
            data.key("message")
            data.string(message)
        }
    }

    /// So that a finished job can be looked at for a while.
    mutating func rest(_ milliseconds: Int) {
        event("note", after: milliseconds) { data in
            data.key("message")
            data.string("the demo starts over")
        }
    }

    mutating func event(
        _ type: String, after: Int, _ data: (inout JSONWriter) -> Void
    ) {
        let json = WorkerEvent.json(type, data)
        lines.append(
            DemoLine(afterMilliseconds: after, event: String(decoding: json, as: UTF8.self)))
    }

    mutating func around(_ milliseconds: Int) -> Int {
        Int.random(in: milliseconds / 2...milliseconds * 3 / 2, using: &chance)
    }
}

// What the demo jobs say. Each plot is one round of a job: a list of events with the pauses before them.

import JSON

enum DemoPlot {
    case build, training, flaky, queued

    var attemptsPerRound: Int { self == .flaky ? 2 : 1 }

    func lines(attempt: Int, _ chance: inout Chance) -> [DemoLine] {
        var teller = Teller(chance: chance)
        switch self {
        case .build: teller.build(attempt)
        case .training: teller.train(attempt)
        case .flaky: teller.stumble(attempt)
        case .queued: teller.wait(attempt)
        }
        chance = teller.chance
        return teller.lines
    }
}

private struct Teller {
    var chance: Chance
    private(set) var lines: [DemoLine] = []

    init(chance: Chance) { self.chance = chance }

    mutating func build(_ attempt: Int) {
        status("queued", attempt, queue: "ci", after: 4_000)
        status("running", attempt, queue: "ci", message: "agent-2 took the build", after: 1_500)
        step("checkout", "Check out the sources", progress: 2)
        log("\u{1B}[2mHEAD is now at 4f0c1d2 Retry uploads that time out\u{1B}[0m", after: 600)
        step("compile", "Compile", progress: 5)
        let files = ["Parser", "Lexer", "Types", "Emitter", "Linker", "Cache", "Driver", "main"]
        for (index, file) in files.enumerated() {
            let place = "\u{1B}[36m[\(index + 1)/\(files.count)]\u{1B}[0m"
            log("\(place) Compiling \(file).swift", after: around(900))
            if file == "Emitter" {
                log(
                    "\u{1B}[33mwarning:\u{1B}[0m variable 'old' was never used", stream: "stderr",
                    after: 150)
            }
            progress(5 + 55 * (index + 1) / files.count, step: "compile", after: 50)
        }
        step("test", "Run the tests", progress: 60)
        for (index, suite) in ["parser", "types", "emitter", "end to end"].enumerated() {
            let count = Int.random(in: 12...140, using: &chance)
            log("\u{1B}[32m✓\u{1B}[0m \(suite): \(count) tests passed", after: around(1_400))
            progress(60 + 8 * (index + 1), step: "test", after: 50)
        }
        step("package", "Package", progress: 94)
        log("Wrote build/app-1.4.\(attempt).tar.gz (6.1 MB)", after: 1_200)
        complete("built in \(lines.reduce(0) { $0 + $1.afterMilliseconds } / 1_000) s")
        rest(8_000)
    }

    mutating func train(_ attempt: Int) {
        let epochs = 12
        status("queued", attempt, queue: "gpu", after: 2_500)
        status("running", attempt, queue: "gpu", message: "model resnet-18, 1 GPU", after: 1_000)
        var loss = 2.3
        for epoch in 1...epochs {
            for part in 1...4 {
                let share = Double((epoch - 1) * 4 + part) / Double(epochs * 4)
                let left = Int((1 - share) * Double(epochs) * 2.8)
                progress(
                    Int(share * 100), step: "epoch \(epoch) of \(epochs)", eta: left, after: 700)
            }
            loss *= Double.random(in: 0.72...0.86, using: &chance)
            let accuracy = 1 - loss / 2.6
            event("metrics", after: 20) { data in
                data.key("epoch")
                data.integer(epoch)
                data.key("loss")
                data.double(rounded(loss))
                data.key("accuracy")
                data.double(rounded(accuracy))
            }
            log(
                "epoch \(epoch): loss \u{1B}[1m\(rounded(loss))\u{1B}[0m accuracy \(rounded(accuracy))",
                after: 20)
        }
        complete("accuracy \(rounded(1 - loss / 2.6)) after \(epochs) epochs")
        rest(10_000)
    }

    mutating func stumble(_ attempt: Int) {
        status("running", attempt, queue: "imports", after: 3_000)
        for row in stride(from: 400, through: 2_000, by: 400) {
            log("\(row) of 4000 rows imported", after: around(700))
            progress(row * 100 / 4_000, step: "import", after: 30)
        }
        event("error", after: 900) { data in
            data.key("error_message")
            data.string("connection to db-3 lost")
            data.key("traceback")
            data.string(
                "import.py:88 in load\ndb.py:41 in execute\nTimeoutError: 5 s without an answer")
            data.key("final")
            data.bool(false)
        }
        status("retrying", attempt, queue: "imports", message: "again in 4 s", after: 200)
        status("running", attempt + 1, queue: "imports", message: "second attempt", after: 4_000)
        for row in stride(from: 500, through: 4_000, by: 500) {
            log("\(row) of 4000 rows imported", after: around(500))
            progress(row * 100 / 4_000, step: "import", after: 30)
        }
        complete("4000 rows imported")
        rest(9_000)
    }

    mutating func wait(_ attempt: Int) {
        for ahead in stride(from: 5, through: 1, by: -1) {
            let message = ahead == 1 ? "next in line" : "\(ahead - 1) jobs are before this one"
            status("queued", attempt, queue: "reports", message: message, after: around(4_000))
        }
        status("running", attempt, queue: "reports", message: "worker-5 took it", after: 2_000)
        for page in 1...6 {
            log("page \(page) rendered", after: around(800))
            progress(page * 16, step: "render", after: 30)
        }
        complete("report of 6 pages is ready")
        rest(6_000)
    }

    // MARK: - Kinds of events

    private mutating func status(
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

    private mutating func progress(_ percent: Int, step: String, eta: Int? = nil, after: Int) {
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

    private mutating func step(_ name: String, _ label: String, progress percent: Int) {
        event("step", after: 300) { data in
            data.key("step_name")
            data.string(name)
            data.key("step_label")
            data.string(label)
        }
        progress(percent, step: name, after: 20)
    }

    private mutating func log(_ line: String, stream: String = "stdout", after: Int) {
        event("log", after: after) { data in
            data.key("log_line")
            data.string(line)
            data.key("stream")
            data.string(stream)
        }
    }

    private mutating func complete(_ message: String) {
        event("complete", after: 400) { data in
            data.key("status")
            data.string("completed")
            data.key("message")
            data.string(message)
        }
    }

    /// So that a finished job can be looked at for a while.
    private mutating func rest(_ milliseconds: Int) {
        event("note", after: milliseconds) { data in
            data.key("message")
            data.string("the demo starts over")
        }
    }

    private mutating func event(
        _ type: String, after: Int, _ data: (inout JSONWriter) -> Void
    ) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string(type)
        writer.key("data")
        writer.beginObject()
        data(&writer)
        writer.endObject()
        writer.endObject()
        lines.append(
            DemoLine(
                afterMilliseconds: after, event: String(decoding: writer.bytes, as: UTF8.self)))
    }

    private mutating func around(_ milliseconds: Int) -> Int {
        Int.random(in: milliseconds / 2...milliseconds * 3 / 2, using: &chance)
    }
}

private func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }

// What demo jobs say. Each plot is one round of a job: a list of events with the pauses before them.

enum DemoPlot: String, CaseIterable {
    case build, training, flaky, queued, failing, silent, huge

    var attemptsPerRound: Int { self == .flaky ? 2 : 1 }

    func lines(attempt: Int, _ chance: inout Chance) -> [DemoLine] {
        var teller = DemoTeller(chance: chance)
        switch self {
        case .build: teller.build(attempt)
        case .training: teller.train(attempt)
        case .flaky: teller.stumble(attempt)
        case .queued: teller.wait(attempt)
        case .failing: teller.fail(attempt)
        case .silent: teller.fallSilent(attempt)
        case .huge: teller.floodTheLog(attempt)
        }
        chance = teller.chance
        return teller.lines
    }
}

extension DemoTeller {
    fileprivate mutating func build(_ attempt: Int) {
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

    fileprivate mutating func train(_ attempt: Int) {
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

    fileprivate mutating func stumble(_ attempt: Int) {
        status("running", attempt, queue: "imports", after: 3_000)
        for row in stride(from: 400, through: 2_000, by: 400) {
            log("\(row) of 4000 rows imported", after: around(700))
            progress(row * 100 / 4_000, step: "import", after: 30)
        }
        error(
            "connection to db-3 lost",
            traceback:
                "import.py:88 in load\ndb.py:41 in execute\nTimeoutError: 5 s without an answer",
            isFinal: false, after: 900)
        status("retrying", attempt, queue: "imports", message: "again in 4 s", after: 200)
        status("running", attempt + 1, queue: "imports", message: "second attempt", after: 4_000)
        for row in stride(from: 500, through: 4_000, by: 500) {
            log("\(row) of 4000 rows imported", after: around(500))
            progress(row * 100 / 4_000, step: "import", after: 30)
        }
        complete("4000 rows imported")
        rest(9_000)
    }

    fileprivate mutating func wait(_ attempt: Int) {
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

    fileprivate mutating func fail(_ attempt: Int) {
        status("queued", attempt, queue: "deploy", after: 2_000)
        status("running", attempt, queue: "deploy", message: "to production", after: 800)
        for (index, host) in ["web-1", "web-2", "web-3"].enumerated() {
            log("\(host): pulled image 9f1c, restarted", after: around(900))
            progress(20 * (index + 1), step: "rollout", after: 30)
        }
        log("web-4: health check failed 3 times", stream: "stderr", after: around(2_000))
        error(
            "web-4 does not answer on port 8080",
            traceback: "deploy.py:52 in rollout\nhealth.py:17 in wait\nConnectionRefusedError",
            isFinal: true, after: 300)
        rest(9_000)
    }

    /// Says that it runs, and then nothing for a time in which others do whole rounds.
    fileprivate mutating func fallSilent(_ attempt: Int) {
        status("running", attempt, queue: "backups", message: "copying 2 TB", after: 1_500)
        progress(3, step: "copy", after: 500)
        progress(71, step: "copy", after: 90_000)
        complete("2 TB copied")
        rest(5_000)
    }

    /// Ten thousand lines, some of them very long, faster than anybody reads.
    fileprivate mutating func floodTheLog(_ attempt: Int) {
        status("running", attempt, queue: "ci", message: "verbose build", after: 1_500)
        for part in 1...100 {
            logs(
                (1...100).map { line in
                    let width = line == 50 ? 4_000 : Int.random(in: 20...160, using: &chance)
                    return "[\(part):\(line)] " + String(repeating: "cc -c x.c ", count: width / 10)
                }, after: 40)
            progress(part, step: "compile", after: 1)
        }
        complete("10000 lines")
        rest(8_000)
    }
}

private func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }

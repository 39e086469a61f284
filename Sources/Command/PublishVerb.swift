// `jobwire publish`: what a worker does, from a shell.

import JSON
import Jobs
import Redis
import Settings

extension Verb {
    static let publish = Verb(
        "publish", "Publish an event of a job, or lines of standard input",
        forms: ["JOB --type=TYPE [--data=JSON]", "JOB EVENT", "JOB --lines [--then=HOW]"],
        examples: [
            "make 2>&1 | jobwire publish build-7 --lines --then=completed",
            "jobwire publish build-7 --type=progress --data='{\"progress\":40}'",
            "jobwire publish build-7 --type=complete",
            "jobwire publish build-7 '{\"type\":\"status\",\"data\":{\"status\":\"queued\"}}'",
            "jobwire publish build-7 - < event.json",
        ],
        details: [
            "Publishes on the channel of the first pattern (job:*:updates), as any worker can with"
                + " PUBLISH, and prints how many subscribers heard it. Types are status, progress, log,"
                + " step, complete, error; any other reaches the followers untouched.",
            "EVENT is the whole JSON object; - reads it from standard input. With --lines every line"
                + " becomes part of a log event as soon as it comes; when Redis is lost meanwhile, it"
                + " waits for it, and what was under way is counted as lost (exit code 1). The end of the"
                + " lines does not say how the job has ended; --then does. jobwire exec knows.",
            "Where no Redis is configured and jobwire run is running, its Redis is used.",
        ],
        options: [
            CommandOption("type", as: "TYPE", "The event's type"),
            CommandOption("data", as: "JSON", "The event's data, a JSON object"),
            CommandOption("lines", "Publish the lines of standard input as log events"),
            CommandOption(
                "then", as: "HOW", "With --lines: completed or failed is the job at their end"),
            .dataDir,
        ],
        settings: ["redis-url", "redis-ca", "redis-certificate", "redis-key", "patterns"],
        words: 1...2
    ) { call throws(Failure) in
        do throws(JobIDFault) {
            _ = try JobID(checking: call.words[0])
        } catch { throw Failure(.usage, error.message) }
        let settings = try call.settingsBesideRun().settings
        let channel = try settings.jobChannels().channel(with: call.words[0])
        let end = try jobEnd(call)
        guard call.has("lines") else {
            return try publish(try event(call), on: channel, settings, call.place)
        }
        guard call.words.count == 1, !call.has("type"), !call.has("data") else {
            throw Failure(.usage, "--lines takes its events from standard input alone")
        }
        return try LinePublisher(settings, channel: channel, then: end).run(call.place)
    }

    private static func jobEnd(_ call: Call) throws(Failure) -> JobEnd? {
        guard let word = try call.value("then") else { return nil }
        guard call.has("lines") else { throw Failure(.usage, "--then goes with --lines") }
        guard let end = JobEnd(rawValue: word) else {
            let words = JobEnd.allCases.map(\.rawValue).joined(separator: " or ")
            throw Failure(.usage, "--then: expected \(words)")
        }
        return end
    }

    private static func publish(
        _ event: [UInt8], on channel: String, _ settings: Settings, _ place: Place
    ) throws(Failure) -> ExitCode {
        let errand = try RedisErrand(settings)
        var heard: Int64 = 0
        try errand.run { commands in
            commands.send([Array("PUBLISH".utf8), Array(channel.utf8), event]) { answer in
                switch answer {
                case .success(.integer(let count)):
                    heard = count
                    errand.finish()
                case .success(let other): errand.finish(Failure(.failed, "Redis answered \(other)"))
                case .failure(let fault): errand.finish(errand.failure(fault))
                }
            }
        }
        place.say(subscribers(heard) + " on \(channel)")
        return .done
    }

    static func subscribers(_ count: Int64) -> String {
        switch count {
        case 0: "heard by nobody (is jobwire running with this Redis and pattern?)"
        case 1: "heard by 1 subscriber"
        default: "heard by \(count) subscribers"
        }
    }

    /// From the words, the options or standard input; checked, because a slip of quotes is easily made.
    static func event(_ call: Call) throws(Failure) -> [UInt8] {
        let type = try call.value("type")
        let data = try call.value("data")
        if call.words.count == 2 {
            guard type == nil, data == nil else {
                throw Failure(.usage, "give either the whole EVENT or --type and --data")
            }
            var bytes = Array(call.words[1].utf8)
            if call.words[1] == "-" {
                do throws(FileFault) { bytes = try System.readAll(System.input) } catch {
                    throw Failure(.failed, "standard input: \(error)")
                }
            }
            try check(bytes, "EVENT")
            return bytes
        }
        guard let type else {
            throw Failure(.usage, "say what to publish: --type, a whole EVENT, or --lines")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("type")
        writer.string(type)
        writer.key("data")
        if let data {
            try check(Array(data.utf8), "--data")
            writer.raw(data)
        } else {
            writer.raw("{}")
        }
        writer.endObject()
        return writer.bytes
    }

    private static func check(_ bytes: [UInt8], _ name: String) throws(Failure) {
        var outline = JSONOutline()
        do throws(JSONFault) { try outline.read(bytes.span) } catch {
            throw Failure(
                .usage, "\(name) is not JSON: \(error.rule.rawValue) at byte \(error.offset)")
        }
        guard outline.kind == .object else {
            throw Failure(.usage, "\(name) is a JSON \(outline.kind), and an object is expected")
        }
    }
}

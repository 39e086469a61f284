import Testing

@testable import Command

@Suite("What the server says to tail")
struct TailMessageTests {
    private func read(_ json: String) -> TailMessage? {
        var reader = TailMessageReader()
        return reader.read(Array(json.utf8))
    }

    @Test("an event is known by its seq, whatever type it claims")
    func event() {
        #expect(read(#"{"seq":7,"job_id":"a","type":"live","data":{}}"#) == .event(seq: 7))
        #expect(read(#"{"seq":18446744073709551615,"type":"x"}"#) == .event(seq: .max))
    }

    @Test("the greeting brings the job's state, epoch and seq")
    func connected() throws {
        let data =
            #"{"heartbeat_seconds":25,"status":"running","progress":4,"epoch":"abcdefgh","seq":9}"#
        let message = read(#"{"type":"connected","job_id":"a","data":\#(data)}"#)
        guard case .connected(let heartbeat, let subscribed) = message else {
            Issue.record("\(String(describing: message))")
            return
        }
        #expect(heartbeat == .seconds(25))
        #expect(subscribed.epoch == "abcdefgh")
        #expect(subscribed.seq == 9)
        var picture = JobPicture()
        picture.begin(subscribed)
        #expect(picture.status == "running")
        #expect(picture.progress == 4)
    }

    @Test("a heartbeat of a hostile server neither traps nor stops the watch")
    func heartbeat() {
        for (text, expected) in [
            ("0", 1), ("18446744073709551615", 86_400), ("-5", 25), ("\"x\"", 25),
        ] {
            let message = read(#"{"type":"connected","data":{"heartbeat_seconds":\#(text)}}"#)
            guard case .connected(let heartbeat, _) = message else {
                Issue.record("\(text)"); continue
            }
            #expect(heartbeat == .seconds(expected), "\(text)")
        }
    }

    @Test(
        "each message is told apart",
        arguments: [
            (
                #"{"type":"live","data":{"epoch":"abcdefgh","seq":4}}"#,
                TailMessage.live(epoch: "abcdefgh", seq: 4)
            ),
            (
                #"{"type":"gap","data":{"from":2,"to":5,"reason":"trimmed","epoch":"e"}}"#,
                .gap(TailMessage.Gap(from: 2, to: 5, reason: "trimmed", epoch: "e"))
            ),
            (
                #"{"type":"gap","data":{"from":null,"to":null,"reason":"epoch_changed","epoch":"f"}}"#,
                .gap(TailMessage.Gap(from: nil, to: nil, reason: "epoch_changed", epoch: "f"))
            ),
            (
                #"{"type":"notice","data":{"level":"warning","message":"m","code":"c"}}"#,
                .notice(level: "warning", message: "m")
            ),
            (
                #"{"type":"rejected","data":{"code":"c","message":"m"}}"#,
                .rejected(code: "c", message: "m")
            ),
            (#"{"type":"unsubscribed","data":{"reason":"r"}}"#, .unsubscribed(reason: "r")),
            (#"{"type":"token_expiring","data":{}}"#, .tokenExpiring),
            (#"{"type":"pong"}"#, .other), (#"{"type":"of a later version"}"#, .other),
            ("{}", .other),
        ])
    func kinds(_ json: String, _ expected: TailMessage) { #expect(read(json) == expected) }

    @Test(
        "what is no JSON object says nothing",
        arguments: ["", "[1]", "{", "null", #"{"seq":-1}"#, #"{"seq":1.5}"#])
    func noObject(_ json: String) { #expect(read(json) == nil) }

    @Test(
        "a gap counts what is missing, and where nobody knows it counts nothing",
        arguments: [
            (2, 5, "trimmed", "events 2 to 5 are missing: trimmed"),
            (5, 5, "conflated", "event 5 is missing: conflated"),
            (2, 3, "slow_consumer", "events 2 to 3 are missing: slow_consumer"),
            (1, 7, "replay_limit", "events 1 to 7 are missing: replay_limit"),
            (4, 4, "unrecorded", "events may be missing here: unrecorded"),
            (nil, nil, "epoch_changed", "the server counts anew; events before may be missing"),
            (nil, nil, "of_later", "events are missing: of_later"),
        ] as [(UInt64?, UInt64?, String, String)])
    func gap(_ from: UInt64?, _ to: UInt64?, _ reason: String, _ words: String) {
        #expect(TailMessage.Gap(from: from, to: to, reason: reason, epoch: nil).words == words)
    }
}

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
                .gap(from: 2, to: 5, reason: "trimmed", epoch: "e")
            ),
            (
                #"{"type":"gap","data":{"from":null,"to":null,"reason":"epoch_changed","epoch":"f"}}"#,
                .gap(from: nil, to: nil, reason: "epoch_changed", epoch: "f")
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
}

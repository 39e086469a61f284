// What followers receive, to the byte.

import Bytes
import Jobs
import Testing
import Wire

@Suite("Event frames")
struct EventFrameTests {
    private let rest = Array(#""type":"log","data":{"log_line":"x"},"timestamp":"t"}"#.utf8)

    @Test(
        "put seq and job id in front of the worker's own words",
        arguments: [0, 1, 9, 10, 12345, UInt64.max])
    func encode(seq: UInt64) throws {
        for id in ["1", "fifteen-letters", "sixteen--letters", String(repeating: "j", count: 128)] {
            let frame = EventFrame.encode(job: try JobID(checking: id), seq: seq, rest: rest.span)
            #expect(
                text(frame)
                    == #"{"seq":\#(seq),"job_id":"\#(id)","# + String(decoding: rest, as: UTF8.self)
            )
            #expect(frame.span[0] == 0x81)
        }
    }

    @Test("an entry of a feed names the feed")
    func feedFrame() throws {
        let feed = try JobID(checking: "ops", kind: .feed)
        let frame = EventFrame.encode(job: feed, seq: 12, rest: Array(#""a":1}"#.utf8).span)
        let text = Frames.payload(of: frame)
        var bytes: [UInt8] = []
        bytes.append(text)
        #expect(String(decoding: bytes, as: UTF8.self) == #"{"seq":12,"feed":"ops","a":1}"#)
    }

    @Test("have the right header at each border of the length")
    func borders() throws {
        let job = try JobID(checking: "1")
        for length in [100, 103, 104, 105, 65_510, 65_513, 65_514, 65_515] {
            let rest = [UInt8](repeating: 0x20, count: length)
            let frame = EventFrame.encode(job: job, seq: 1, rest: rest.span)
            let payload = Frames.payload(of: frame)
            #expect(payload.count == length + 22)
            #expect(Array(copying: frame.span) == Array(copying: Frames.text(payload).span))
        }
    }

    @Test("tell a gap with all that is known, and null for what is not")
    func gap() throws {
        let job = try JobID(checking: "1")
        #expect(
            text(EventFrame.gap(job: job, epoch: nil, from: nil, to: 7, reason: .replayLimit))
                == #"{"type":"gap","job_id":"1","data":{"from":null,"to":7,"reason":"replay_limit","epoch":null}}"#
        )
        #expect(
            text(
                EventFrame.gap(
                    job: job, epoch: Epoch(checking: "abcdefgh"), from: 1, to: nil,
                    reason: .trimmed,
                    events: "/e"))
                == #"{"type":"gap","job_id":"1","data":{"from":1,"to":null,"reason":"trimmed","epoch":"abcdefgh","events":"/e"}}"#
        )
    }
}

@Suite("Server messages")
struct ServerMessageTests {
    @Test("are the words of the protocol")
    func words() throws {
        let time = WallTime(milliseconds: 1_736_164_801_000)
        let job = Subject.job(try JobID(checking: "1"))
        let epoch = Epoch(checking: "abcdefgh")
        let id = try pingID(#""q""#)
        let table: [(SharedBytes, String)] = [
            (ServerMessage.pong(id: nil), #"{"type":"pong","data":{}}"#),
            (ServerMessage.pong(id: id), #"{"type":"pong","id":"q","data":{}}"#),
            (
                ServerMessage.live(job, epoch: epoch, seq: 7),
                #"{"type":"live","job_id":"1","data":{"epoch":"abcdefgh","seq":7}}"#
            ),
            (
                ServerMessage.live(.queue("q\"/"), epoch: nil, seq: 0),
                #"{"type":"live","queue":"q\"/","data":{"epoch":null,"seq":0}}"#
            ),
            (
                ServerMessage.rejected(
                    code: "forbidden", message: "no \"right\"", about: job, id: id),
                #"{"type":"rejected","job_id":"1","id":"q","data":{"code":"forbidden","message":"no \"right\""}}"#
            ),
            (
                ServerMessage.unsubscribed(
                    .job(try JobID(checking: "ops", kind: .feed)), reason: "asked"),
                #"{"type":"unsubscribed","feed":"ops","data":{"reason":"asked"}}"#
            ),
            (
                ServerMessage.authenticated(expiresAt: time, id: nil),
                #"{"type":"authenticated","data":{"expires_at":"2025-01-06T12:00:01.000Z"}}"#
            ),
            (
                ServerMessage.tokenExpiring(expiresAt: time),
                #"{"type":"token_expiring","data":{"expires_at":"2025-01-06T12:00:01.000Z"}}"#
            ),
            (
                ServerMessage.notice(.warning, code: .redisLost, message: "m"),
                #"{"type":"notice","data":{"level":"warning","code":"redis_lost","message":"m"}}"#
            ),
            (
                ServerMessage.broadcast(
                    .info, code: "c", message: "\"\n", about: .queue("q")),
                #"{"type":"notice","queue":"q","data":{"level":"info","code":"c","message":"\"\n"}}"#
            ),
            (
                ServerMessage.connected(server: "jobwire", heartbeatSeconds: 25, expiresAt: nil),
                #"{"type":"connected","data":{"server":"jobwire","heartbeat_seconds":25,"expires_at":null}}"#
            ),
        ]
        for (frame, expected) in table { #expect(text(frame) == expected) }
    }

    @Test("begin a subscription with snapshot, numbers and replay of one moment")
    func subscribed() throws {
        let state = Subscribed(
            job: try JobID(checking: "1"), snapshot: Snapshot(), watchers: 2,
            epoch: Epoch(checking: "abcdefgh"), seq: 9,
            replay: Replay(from: 3, to: 9, count: 7, isComplete: true))
        let message = text(ServerMessage.subscribed(state, id: nil))
        #expect(
            message.hasPrefix(
                #"{"type":"subscribed","job_id":"1","data":{"job_id":"1","status":"unknown","#))
        let tail =
            #""epoch":"abcdefgh","seq":9,"replay":{"from":3,"to":9,"count":7,"complete":true}}}"#
        #expect(message.hasSuffix(#""watchers":2,"# + tail))
        let connected = text(
            ServerMessage.connected(
                server: "s", heartbeatSeconds: 25, expiresAt: nil, subscribed: .job(state)))
        #expect(connected.hasPrefix(#"{"type":"connected","job_id":"1","data":{"server":"s","#))
        #expect(connected.hasSuffix(tail))
    }

    private func pingID(_ json: String) throws -> RequestID? {
        var reader = ClientMessageReader()
        guard
            case .ping(let id) = try reader.read(Array(#"{"type":"ping","id":\#(json)}"#.utf8).span)
        else { return nil }
        return id
    }
}

private func text(_ frame: SharedBytes) -> String {
    String(decoding: Array(copying: Frames.payload(of: frame)), as: UTF8.self)
}

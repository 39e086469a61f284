// Two bridges on one real Redis: what they tell each other, and what is left when Redis goes.

import Loop
import Redis
import Support
import Testing

@testable import Fleet

@Suite("Fleet")
struct FleetTests {
    let hello = FleetMessage("hello", bytes(#"{"a":1}"#))

    @Test("what is told to all is heard by each once, what is told to one by that one")
    func told() throws {
        let redis = try RedisServer()
        let (a, b) = (try Bridge(redis), try Bridge(redis))
        for each in [a, b] { try each.waitUntilThere() }
        #expect(try a.tell(hello) == .success(1))
        try b.wait(for: .told(hello, from: a.node))
        let own = FleetMessage("own")
        #expect(try a.tell(own, to: b.node) == .success(1))
        try b.wait(for: .told(own, from: a.node))
        #expect(try a.tell(own, to: a.node) == .success(0))
        // Behind what came before.
        #expect(try b.tell(hello) == .success(1))
        try a.wait(for: .told(hello, from: b.node))
        #expect(a.count(.told(hello, from: a.node)) == 1)
        #expect(a.count(.told(own, from: a.node)) == 1)
        #expect(b.count(.told(own, from: a.node)) == 1)
        #expect(b.count(.told(hello, from: a.node)) == 1)
    }

    @Test("bridges of another prefix are another fleet")
    func prefixes() throws {
        let redis = try RedisServer()
        let (a, b) = (try Bridge(redis), try Bridge(redis, prefix: "other"))
        for each in [a, b] { try each.waitUntilThere() }
        #expect(try a.tell(hello) == .success(0))
        #expect(try a.put([1], [2]))
        #expect(try b.take([1]) == .success(nil))
    }

    @Test("what was put on one bridge is taken once, on whichever")
    func once() throws {
        let redis = try RedisServer()
        let (a, b) = (try Bridge(redis), try Bridge(redis))
        for each in [a, b] { try each.waitUntilThere() }
        let value = [UInt8](0...255)
        #expect(try a.put([1, 0, 255], value))
        let names = try redis.ask("keys", "*once*")
        #expect(names.contains("jobwire:fleet:once:"))
        for _ in 0..<20 {
            #expect(try a.put([1, 0, 255], value))
            let taken = try [a, b, a, b].map { try $0.take([1, 0, 255]).get() }
            #expect(taken.filter { $0 == value }.count == 1 && taken.count { $0 == nil } == 3)
        }
        #expect(try b.take([9]) == .success(nil))
        #expect(try a.put([9], [1]))
        let key = "jobwire:fleet:once:\t"
        let life = try #require(Int(try redis.ask("pttl", key).filter(\.isNumber)))
        #expect(1...30_000 ~= life)
        let large = [UInt8](repeating: 0, count: FleetLimits().valueBytesMax + 1)
        #expect(try !a.put([9], large))
    }

    @Test("a question is answered by the bridge that was asked, or by nobody in time")
    func questions() throws {
        let redis = try RedisServer()
        let (a, b) = (try Bridge(redis), try Bridge(redis))
        for each in [a, b] { try each.waitUntilThere() }
        for asked in [a, b] {
            let question = FleetMessage("question")
            let node = asked.node
            a.on { fleet in fleet.ask(question, of: node) { fleet.tell(of: $0) } }
            try asked.wait("asked") { asked.call != nil }
            let call = try #require(asked.call)
            asked.on { $0.answer(call, bytes(#""yes""#)) }
            try a.wait("answered") { a.count(.told(FleetMessage("yes"), from: a.node)) > 0 }
            // Once only.
            asked.on { $0.answer(call, bytes("5")) }
        }
        #expect(try a.askNobody() == .failure(.noAnswer))
        #expect(a.count(.told(FleetMessage("yes"), from: a.node)) == 2)
        #expect(a.count(.told(FleetMessage("no"), from: a.node)) == 0)
    }

    @Test("alone, nobody is asked in vain for long")
    func alone() throws {
        let a = try Bridge(RedisServer()) { $0.answerTimeout = .seconds(600) }
        try a.waitUntilThere()
        #expect(try a.askNobody() == .failure(.noSuchNode))
    }

    @Test("each bridge is seen by the others with what it says of itself, until it is gone")
    func nodes() throws {
        let redis = try RedisServer()
        let a = try Bridge(redis) { $0.presenceLife = .milliseconds(300) }
        var b: Bridge? = try Bridge(redis) { $0.presenceLife = .milliseconds(300) }
        let nodeB = try #require(b?.node)
        try a.waitUntilThere()
        func seen() throws -> [FleetNode] { try a.ask { $0.nodes($1) }.get() }
        try eventually { try seen().count == 2 }
        #expect(
            try seen()
                == [a.node, nodeB].map {
                    FleetNode(name: $0, state: bytes(#"{"of":"\#($0)"}"#))
                })
        // Names that somebody else wrote there.
        try redis.ask("sadd", "jobwire:fleet:nodes", "x", "abcdefgh", "\n")
        #expect(try seen().count == 2)
        b = nil
        try eventually { try seen().count == 1 }
        #expect(try redis.ask("sismember", "jobwire:fleet:nodes", nodeB.text).hasPrefix("0"))
    }

    @Test("a user who lacks the rights is told which, and the bridge goes on without")
    func forbidden() throws {
        let redis = try RedisServer(users: ["user ann on >secret &job:* ~x +ping +subscribe +info"])
        let a = try Bridge(redis, login: "ann:secret@")
        try a.wait(for: .revocationsKnown)
        try a.wait("rights") {
            a.news.contains {
                if case .status(.mayNot(let rules)) = $0 {
                    rules.contains("~jobwire:fleet:*")
                } else {
                    false
                }
            }
        }
        try a.wait("deaf") {
            a.news.contains { if case .status(.deaf(.noPermission)) = $0 { true } else { false } }
        }
        #expect(try a.revoke(token("a")) == .notAllowed)
        #expect(try a.take([1]) == .failure(.notAllowed))
        #expect(try a.ask { $0.nodes($1) } == .failure(.notAllowed))
        #expect(try a.tell(hello) == .failure(.notAllowed))
        // It counts here all the same.
        try a.waitUntilKnown([token("a")])
        // Granted later, all is well without a restart, and what only we knew is stored.
        let rules = try a.look { $0.keys.rules }.split(separator: " ").map(String.init)
        try redis.ask(["acl", "setuser", "ann"] + rules)
        let b = try Bridge(redis)
        try b.waitUntilKnown([token("a")])
        #expect(try a.put([1], [2]))
        #expect(try a.take([1]) == .success([2]))
        #expect(try a.ask { $0.nodes($1) }.isDone)
        try a.wait(for: .status(.hearing))
    }

    @Test("whatever is published on the control channel, nothing breaks and nothing is kept")
    func hostile() throws {
        let redis = try RedisServer()
        let (a, b) = (try Bridge(redis), try Bridge(redis))
        for each in [a, b] { try each.waitUntilThere() }
        let channel = try a.look { $0.keys.channel }
        let forged = [
            #"{"from":"abcdefgh","kind":"revoked","data":{"jti":"a"}}"#,
            #"{"from":"abcdefgh","kind":"revoked","data":[1,2]}"#,
            #"{"from":"abcdefgh","kind":"answer","answer":5,"data":[1,2]}"#,
            #"{"from":"\#(a.node)","kind":"revoked","data":{"jti":"a"}}"#,
            "", "x", "{}", String(repeating: "[", count: 100_000),
            #"{"from":"abcdefgh","kind":"a","data":"\#(String(repeating: "x", count: 65_536))"}"#,
        ]
        for text in forged { try redis.ask("publish", channel, text) }
        for number in 0..<200 {
            try redis.ask(
                "publish", channel,
                #"{"from":"abcdefgh","kind":"revoked","data":{"jti":"\#(number)"}}"#)
        }
        #expect(try b.revoke(token("true")) == nil)
        try a.waitUntilKnown([token("true")])
        #expect(a.count(.status(.strange)) == 6)
        #expect(try redis.ask("zcard", "jobwire:fleet:revoked").hasPrefix("1"))
    }
}

extension Result {
    fileprivate var isDone: Bool { if case .success = self { true } else { false } }
}

extension Fleet {
    /// Makes an answer a note.
    fileprivate func tell(of answer: Result<[UInt8], FleetFault>) {
        tell(FleetMessage(answer == .success(bytes(#""yes""#)) ? "yes" : "no"), to: node)
    }
}

extension Bridge {
    fileprivate func tell(_ message: FleetMessage, to node: NodeName? = nil) throws -> Result<
        Int, FleetFault
    > {
        try ask { $0.tell(message, to: node, $1) }
    }

    fileprivate func put(_ name: [UInt8], _ value: [UInt8]) throws -> Bool {
        try ask { $0.put(name, value, for: .seconds(30), $1) }.isDone
    }

    fileprivate func take(_ name: [UInt8]) throws -> Result<[UInt8]?, FleetFault> {
        try ask { $0.take(name, $1) }
    }

    fileprivate func askNobody() throws -> Result<[UInt8], FleetFault> {
        try ask { $0.ask(FleetMessage("x"), of: .random(), $1) }
    }

    fileprivate var call: FleetCall? {
        for case .asked(_, let call) in news.reversed() { return call }
        return nil
    }
}

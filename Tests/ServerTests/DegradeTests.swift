// Clients that read too slowly, but do read: they are spared what matters less, told of it, and kept.

import Settings
import Support
import Testing

@Suite("Clients that fall behind")
struct DegradeTests {
    /// What a job says: much of the log and of its progress, and now and then what matters.
    fileprivate struct Flood {
        private(set) var count = 0
        private(set) var mattering: [Int] = []
        /// Not to be compressed much.
        private let filler: String = {
            var dice = Dice(seed: 1)
            return (0..<500).map { _ in String(dice.throwDie(256), radix: 16) }.joined()
        }()

        mutating func batch(ends: Bool = false) -> [String] {
            var batch: [String] = []
            for index in 0..<100 {
                switch index % 25 {
                case 24: batch.append(#"{"type":"step","data":{"step_name":"s\#(count)"}}"#)
                case let place where place % 2 == 0:
                    batch.append(
                        #"{"type":"progress","data":{"progress":1,"message":"\#(filler)"}}"#)
                default: batch.append(#"{"type":"log","data":{"log_line":"\#(filler)"}}"#)
                }
                count += 1
                if index % 25 == 24 { mattering.append(count) }
            }
            if ends {
                batch.append(#"{"type":"complete","data":{"status":"completed"}}"#)
                count += 1
                mattering.append(count)
            }
            return batch
        }
    }

    private static func scene(_ change: (inout Settings) -> Void = { _ in }) throws -> Scene {
        try Scene {
            $0.outboxBytesMax = 262_144
            change(&$0)
        }
    }

    /// Publishes until somebody who does not read is far behind; one who reads hears all of it.
    fileprivate func flood(_ scene: Scene, _ flood: inout Flood, batches: Int) throws {
        let brisk = try scene.follow("j1")
        var ledger = Ledger()
        for batch in 1...batches {
            try scene.publisher.publish(flood.batch(ends: batch == batches), to: "j1")
            while ledger.lastSeq < flood.count { ledger.see(try brisk.hear()) }
        }
        #expect(ledger.seqs == Array(1...flood.count) && ledger.gaps.isEmpty)
    }

    @Test(
        "a slow client is spared progress and log lines, hears all that matters, and is kept",
        arguments: [(false, Settings.History.memory), (true, .memory), (false, .off)])
    func spared(deflate: Bool, history: Settings.History) throws {
        let scene = try Self.scene { $0.history = history }
        let slow = try scene.follow(
            "j1", deflate: deflate,
            over: try scene.connect(receiveBufferBytes: 4_096))
        var said = Flood()
        try flood(scene, &said, batches: 100)
        var ledger = Ledger()
        while ledger.lastSeq < said.count { ledger.see(try slow.hear()) }
        // How much the kernel takes meanwhile is its own affair; compressed events take little of it.
        #expect(ledger.seqs.count < said.count * 4 / 5, "\(ledger.seqs.count)")
        for seq in said.mattering.suffix(50) { #expect(ledger.texts[seq] != nil, "\(seq)") }
        if history == .memory {
            #expect(said.mattering.allSatisfy { ledger.texts[$0] != nil })
            #expect(Set(ledger.gaps.map(\.reason)).isSubset(of: ["conflated", "slow_consumer"]))
        }
        #expect(!ledger.gaps.isEmpty)
        // Now that it reads it hears everything again.
        for index in 1...20 { try scene.publish("j1", #"{"type":"log","data":{"n":\#(index)}}"#) }
        let before = ledger.gaps.count
        while ledger.lastSeq < said.count + 20 { ledger.see(try slow.hear()) }
        #expect(ledger.gaps.count == before)
        #expect(scene.log.count(closedWith: 4408) == 0)
        let slowGaps = try scene.metric(#"jobwire_gaps_total{reason="slow_consumer"}"#)
        let conflated = try scene.metric(#"jobwire_gaps_total{reason="conflated"}"#)
        #expect(slowGaps + conflated == before)
    }

    @Test("an event stream is spared by the same rules, and its cursor leads on")
    func eventStream() throws {
        let scene = try Self.scene()
        let slow = try EventStreamClient(
            scene, "j1", over: scene.connect(receiveBufferBytes: 4_096))
        var said = Flood()
        try flood(scene, &said, batches: 100)
        var ledger = Ledger()
        while ledger.lastSeq < said.count { ledger.see(try slow.next().heard) }
        #expect(ledger.seqs.count < said.count / 2)
        #expect(said.mattering.allSatisfy { ledger.texts[$0] != nil })
        #expect(!ledger.gaps.isEmpty)
        #expect(slow.lastID == ledger.cursor)
        #expect(scene.log.count("event_stream_closed") == 0)
    }

    @Test("on a socket of many jobs a busy one does not keep the others' events from a slow client")
    func manyJobs() throws {
        let scene = try Self.scene()
        let slow = try scene.open(
            over: try scene.connect(receiveBufferBytes: 4_096))
        for job in ["j1", "j2", "j3"] {
            try slow.say(#"{"type":"subscribe","data":{"job_id":"\#(job)"}}"#)
            try slow.hear(until: "live")
        }
        var said = Flood()
        try flood(scene, &said, batches: 60)
        for job in ["j2", "j3"] { try scene.publish(job, #"{"type":"complete","data":{}}"#) }
        var ledgers = ["j1": Ledger(), "j2": Ledger(), "j3": Ledger()]
        while ledgers.values.contains(where: { $0.lastSeq == 0 })
            || ledgers["j1"]?.lastSeq != said.count
        {
            let heard = try slow.hear()
            if let job = heard.job { ledgers[job]?.see(heard) }
        }
        #expect(ledgers["j2"]?.seqs == [1] && ledgers["j3"]?.seqs == [1])
        #expect(said.mattering.allSatisfy { ledgers["j1"]?.texts[$0] != nil })
    }
}

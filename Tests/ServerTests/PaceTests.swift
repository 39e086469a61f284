// `progress_hz`, over sockets and streams.

import Support
import Testing

@Suite("progress_hz")
struct PaceTests {
    private func progress(_ percent: Int) -> String {
        #"{"type":"progress","data":{"progress":\#(percent)}}"#
    }

    private func check(_ heard: [Heard], logs: Int) {
        let events = heard.filter { $0.seq != nil }
        let told = events.filter { $0.type == "progress" }.compactMap { $0.number("progress") }
        #expect(told.last == 100, "the last one arrives, though nothing follows it")
        #expect(told == told.sorted())
        #expect(told.count < 50, "\(told)")
        #expect(events.filter { $0.type == "log" }.count == logs)
        #expect(events.map(\.seq) == events.compactMap(\.seq).sorted())
        #expect(!heard.contains { $0.type == "gap" })
    }

    @Test("a client that wants few progress events gets few, the latest, and every log line")
    func everyWay() throws {
        let scene = try Scene()
        let socket = try scene.follow("j1", "progress_hz=20")
        let many = try scene.open()
        try many.say(#"{"type":"subscribe","data":{"job_id":"j1","progress_hz":20}}"#)
        try many.hear(until: "live")
        let stream = try EventStreamClient(scene, "j1", "progress_hz=20")
        let unspared = try scene.follow("j1")
        for percent in 1...100 {
            try scene.publish("j1", progress(percent))
            if percent % 10 == 0 { try scene.publish("j1", #"{"type":"log","data":{"n":1}}"#) }
        }
        try scene.publish("j1", progress(100))
        check(try socket.hear { $0.seq == 111 }, logs: 10)
        check(try many.hear { $0.seq == 111 }, logs: 10)
        check(try stream.hear { $0.seq == 111 }, logs: 10)
        let all = try unspared.hear { $0.seq == 111 }
        #expect(all.filter { $0.seq != nil }.count == 111)
    }

    @Test(
        "any rate above zero is a rate",
        arguments: ["1e-300", "0.000001", "1", "1000", "1000.1", "1e300"])
    func rates(rate: String) throws {
        let scene = try Scene()
        let client = try scene.follow("j1", "progress_hz=\(rate)")
        try client.hear(until: "live")
        for percent in 1...5 { try scene.publish("j1", progress(percent)) }
        try scene.publish("j1", #"{"type":"complete"}"#)
        let heard = try client.hear { $0.seq == 6 }
        let told = heard.filter { $0.type == "progress" }.compactMap { $0.number("progress") }
        #expect(told.last == 5)
        if rate.hasSuffix("00.1") || rate == "1e300" { #expect(told == [1, 2, 3, 4, 5]) }
    }
}

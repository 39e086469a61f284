import JSON
import Testing

@testable import Command

@Suite("Publishing")
struct PublishingTests {
    @Test("lines come out the same however the stream is cut")
    func cuts() {
        let text = Array("one\ntwo\r\n\nthree \u{e9}\nfour".utf8)
        for cut in 0...text.count {
            var batches = LineBatches()
            var lines = batches.take(Array(text[..<cut])).flatMap(\.self)
            lines += batches.take(Array(text[cut...])).flatMap(\.self)
            lines += batches.finish() ?? []
            #expect(lines == ["one", "two", "", "three \u{e9}", "four"], "cut at \(cut)")
        }
    }

    @Test("a line without end is cut, and nothing is kept that is longer")
    func longLines() {
        var batches = LineBatches()
        let long = [UInt8](repeating: 97, count: LineBatches.lineBytesMax * 3 + 5)
        #expect(batches.take(long).flatMap(\.self).map(\.utf8.count) == [16_384, 16_384, 16_384])
        #expect(batches.finish()?.first?.utf8.count == 5)
        #expect(batches.finish() == nil)
    }

    @Test("one event has so many lines and bytes at most")
    func sizes() {
        var batches = LineBatches()
        let many = batches.take(
            Array(String(repeating: "x\n", count: LineBatches.linesMax * 2 + 1).utf8))
        #expect(many.map(\.count) == [500, 500, 1])
        let line = String(repeating: "y", count: 16_000) + "\n"
        let large = batches.take(Array(String(repeating: line, count: 20).utf8))
        #expect(
            large.allSatisfy { $0.reduce(0) { $0 + $1.utf8.count } <= LineBatches.batchBytesMax })
        #expect(large.flatMap(\.self).count == 20)
    }

    @Test("bytes that are no text become an event all the same")
    func binary() throws {
        var batches = LineBatches()
        let lines = batches.take([0xFF, 0x00, 0x1B, UInt8(ascii: "\n")]).flatMap(\.self)
        var outline = JSONOutline()
        try outline.read(JobEvents.log(lines).span)
        #expect(outline.kind == .object)
    }

    @Test("the demo is the same story for the same seed")
    func demo() {
        func story(_ seed: UInt64) -> [Demo.Beat] {
            var demo = Demo(seed: seed)
            return (0..<2_000).map { _ in demo.next() }
        }
        #expect(story(1) == story(1))
        #expect(story(1) != story(2))
    }

    @Test("every demo job is told as JSON objects, ends and starts over", arguments: Demo.jobs)
    func demoJobs(_ job: String) throws {
        var demo = Demo(seed: 3)
        var (picture, ends, failures) = (JobPicture(), 0, 0)
        var wasFinished = false
        for seq in 1...3_000 {
            let beat = demo.next()
            #expect(beat.after >= .zero)
            #expect(beat.after <= .seconds(15))
            guard beat.job == job else { continue }
            var outline = JSONOutline()
            try outline.read(Array(beat.event.utf8).span)
            #expect(outline.kind == .object)
            _ = picture.hear(Array(beat.event.utf8), seq: UInt64(seq))
            if picture.isFinished, !wasFinished { ends += 1 }
            if picture.status == "retrying" { failures += 1 }
            wasFinished = picture.isFinished
        }
        #expect(ends >= 2)
        #expect((failures > 0) == (job == "demo-flaky"))
    }

    @Test("jobs come in the order of time, and each tells its story as it would alone")
    func order() {
        let cast = (0..<40).map { (job: "j\($0)", plot: DemoPlot.allCases[$0 % 7]) }
        var (demo, now, told) = (Demo(cast, seed: 5), Duration.zero, [String: [String]]())
        for _ in 0..<20_000 {
            let beat = demo.next()
            #expect(beat.after >= .zero)
            now += beat.after
            told[beat.job, default: []].append(beat.event)
        }
        #expect(told.count == 40)
        #expect(now > .seconds(60))
        for index in cast.indices.prefix(7) {
            var alone = Demo([cast[index]], seed: 5 + UInt64(index))
            let events = told[cast[index].job] ?? []
            let isTheSame = events.allSatisfy { $0 == alone.next().event }
            #expect(isTheSame, "\(cast[index])")
        }
    }

    @Test("as many events come in a second as asked for", arguments: [1.0, 30, 5_000])
    func rate(_ wanted: Double) {
        let cast = (0..<20).map { (job: "j\($0)", plot: DemoPlot.allCases[$0 % 7]) }
        var (demo, now) = (Demo(cast, seed: 5, rate: wanted), Duration.zero)
        for _ in 0..<10_000 { now += demo.next().after }
        let rate = 10_000 / (now / .seconds(1))
        #expect(wanted * 0.8...wanted * 1.25 ~= rate, "\(rate)")
    }

    @Test("each kind of job does what its name says", arguments: DemoPlot.allCases)
    func kinds(_ plot: DemoPlot) {
        var demo = Demo([("j", plot)], seed: 1)
        var (picture, statuses, longest, lines) = (JobPicture(), Set<String>(), Duration.zero, 0)
        for seq in 1...400 {
            let beat = demo.next()
            longest = max(longest, beat.after)
            lines = max(lines, beat.event.matches(of: /cc -c/).count)
            _ = picture.hear(Array(beat.event.utf8), seq: UInt64(seq))
            statuses.insert(picture.status)
        }
        #expect(statuses.contains(plot == .failing ? "failed" : "completed"), "\(statuses)")
        #expect((longest > .seconds(60)) == (plot == .silent))
        #expect((lines > 100) == (plot == .huge))
    }

    @Test("run takes the first free port of its own, and says so when a configured one is taken")
    func ports() throws {
        let taken: Set<UInt16> = [8_080, 8_081]
        let isFree = { (_: String, port: UInt16) in !taken.contains(port) }
        #expect(
            try ListenChoice.choose("127.0.0.1:8080", isConfigured: false, isFree: isFree)
                == "127.0.0.1:8082")
        #expect(
            try ListenChoice.choose("127.0.0.1:9000", isConfigured: true, isFree: isFree)
                == "127.0.0.1:9000")
        #expect(
            try ListenChoice.choose("127.0.0.1:0", isConfigured: true, isFree: { _, _ in false })
                == "127.0.0.1:0")
        let refused = #expect(throws: Failure.self) {
            try ListenChoice.choose("127.0.0.1:8080", isConfigured: true, isFree: isFree)
        }
        #expect(refused?.reason.contains("JOBWIRE_LISTEN") == true)
        #expect(throws: Failure.self) {
            try ListenChoice.choose(
                "127.0.0.1:8080", isConfigured: false, isFree: { _, _ in false })
        }
    }

    @Test(
        "only this machine's own addresses are loopback",
        arguments: [
            ("127.0.0.1:1", true), ("127.9.9.9:1", true), ("localhost:1", true), ("[::1]:1", true),
            ("0.0.0.0:1", false), (":1", false), ("[::]:1", false), ("10.0.0.1:1", false),
        ])
    func loopback(_ listen: String, _ isLoopback: Bool) throws {
        #expect(try ListenChoice.isLoopback(listen) == isLoopback)
    }
}

// What `jobwire exec` decides without a child, a terminal or a Redis.

import Jobs
import Testing

@testable import Command

@Suite("A command as a job")
struct ExecTests {
    private static let time = WallTime(milliseconds: 1_736_164_800_000)

    @Test(
        "what the kernel says of a child is told as shells tell it",
        arguments: [
            (0x0000, ChildEnding.exited(0), 0, "exit code 0"),
            (0x0700, .exited(7), 7, "exit code 7"), (0xFF00, .exited(255), 255, "exit code 255"),
            (15, .killed(signal: 15), 143, "ended by SIGTERM"),
            (0x80 | 11, .killed(signal: 11), 139, "ended by SIGSEGV"),
            (40, .killed(signal: 40), 168, "ended by signal 40"),
        ] as [(Int32, ChildEnding, Int32, String)])
    func endings(_ status: Int32, _ ending: ChildEnding, _ code: Int32, _ words: String) {
        #expect(ChildEnding(waitStatus: status) == ending)
        #expect(ending.exitCode == code)
        #expect(ending.words == words)
        #expect(ending.isSuccess == (code == 0))
    }

    @Test("the snapshot says how the command ended, and a second run starts it over")
    func snapshot() {
        var picture = JobPicture()
        let failed = ChildEnding.killed(signal: 9)
        let events = [
            JobEvents.start(attempt: nil, at: Self.time),
            JobEvents.log(["a", "b"], stream: .errors, at: Self.time),
            JobEvents.end(failed, milliseconds: 1_500, at: Self.time),
        ]
        var said: [JobPicture.Said] = []
        for (index, event) in events.enumerated() {
            said.append(picture.hear(event, seq: UInt64(index + 1)))
        }
        #expect(said[1].lines == ["a", "b"])
        #expect(said[1].isOnStandardError)
        #expect(said[2].lines == ["ended by SIGKILL"])
        #expect(picture.hasFailed)
        #expect(
            picture.snapshot.json(.result).map { String(decoding: $0, as: UTF8.self) }
                == #"{"exit_code":137,"signal":"SIGKILL","duration_ms":1500}"#)
        _ = picture.hear(JobEvents.start(attempt: 2, at: Self.time), seq: 4)
        #expect(!picture.isFinished)
        #expect(picture.snapshot.json(.error) == nil)
        _ = picture.hear(JobEvents.end(.exited(0), milliseconds: 1, at: Self.time), seq: 5)
        #expect(picture.status == "completed")
        #expect(picture.progress == 100)
    }

    @Test("the lines' end ends the job as it was said", arguments: JobEnd.allCases)
    func ends(_ end: JobEnd) {
        var picture = JobPicture()
        _ = picture.hear(JobEvents.end(end), seq: 1)
        #expect(picture.status == end.rawValue)
        #expect(picture.hasFailed == (end == .failed))
    }

    // MARK: - The backlog

    /// Everything, as it would be published.
    private func drained(_ backlog: inout Backlog) -> [String] {
        var told: [String] = []
        while let entry = backlog.next() {
            switch entry {
            case .start: told.append("start")
            case .missing(let count): told.append("missing \(count)")
            case .lines(let lines): told += lines.lines.map { "\(lines.stream.rawValue) \($0)" }
            case .end: told.append("end")
            }
        }
        return told
    }

    @Test("all goes out in its order, the start first and the end last")
    func order() {
        var backlog = Backlog()
        backlog.put(["a", "b"], of: .output, at: Self.time)
        backlog.put(["c"], of: .errors, at: Self.time)
        backlog.put(["d"], of: .output, at: Self.time)
        backlog.end()
        #expect(backlog.linesLeft == 4)
        #expect(
            drained(&backlog)
                == ["start", "stdout a", "stdout b", "stderr c", "stdout d", "end"])
        #expect(backlog.isEmpty)
        #expect(backlog.bytes == 0)
    }

    @Test("lines that wait together go together, as many as one event may have")
    func joined() {
        var backlog = Backlog()
        for number in 0..<1_200 { backlog.put(["\(number)"], of: .output, at: Self.time) }
        #expect(backlog.next() == .start)
        var counts: [Int] = []
        while case .lines(let lines)? = backlog.next() { counts.append(lines.lines.count) }
        #expect(counts == [500, 500, 200])
    }

    @Test("where it is too much the oldest lines go, and how many is told in their place")
    func bounded() {
        var backlog = Backlog()
        let line = String(repeating: "x", count: LineBatches.lineBytesMax)
        let count = 3 * Backlog.bytesMax / LineBatches.lineBytesMax
        for number in 0..<count {
            backlog.put([line], of: number % 7 == 0 ? .errors : .output, at: Self.time)
            #expect(backlog.bytes <= Backlog.bytesMax)
        }
        backlog.put(["last"], of: .output, at: Self.time)
        backlog.end()
        #expect(backlog.linesLeft == count + 1)
        let told = drained(&backlog)
        #expect(told[0] == "start")
        let missing = Int(told[1].dropFirst("missing ".count)) ?? 0
        #expect(missing + told.count - 3 == count + 1)
        #expect(told.suffix(2) == ["stdout last", "end"])
        #expect(backlog.bytes == 0)
    }

    @Test("what was under way when Redis was lost is told as missing; start and end are told again")
    func lost() {
        var backlog = Backlog()
        backlog.put(["a", "b"], of: .output, at: Self.time)
        var taken: [Backlog.Entry] = []
        while let entry = backlog.next() { taken.append(entry) }
        backlog.put(["c"], of: .output, at: Self.time)
        backlog.end()
        for entry in taken { backlog.lose(entry) }
        #expect(backlog.linesLeft == 3)
        #expect(backlog.next() == .start)
        #expect(backlog.next() == .missing(2))
        backlog.lose(.missing(2))
        #expect(drained(&backlog) == ["missing 2", "stdout c", "end"])
        backlog.lose(.end)
        #expect(!backlog.isEmpty)
        #expect(drained(&backlog) == ["end"])
    }
}

import Testing

@testable import Command

@Suite("How tail shows a job")
struct TailViewTests {
    private func view(terminal: Bool = false, colours: Bool = false, columns: Int = 80) -> TailView
    {
        TailView(isTerminal: terminal, hasColours: colours, columns: columns)
    }

    private func shown(_ events: [String], terminal: Bool = false, colours: Bool = false)
        -> [String]
    {
        var (view, picture) = (view(terminal: terminal, colours: colours), JobPicture())
        return events.enumerated().flatMap { index, event in
            let said = picture.hear(Array(event.utf8), seq: UInt64(index + 1))
            return view.lines(of: said, picture)
        }
    }

    @Test(
        "every kind of event has its lines",
        arguments: [
            (#"{"type":"log","data":{"log_line":"one"}}"#, ["one"]),
            (#"{"type":"log","data":{"lines":["one","two\nthree"]}}"#, ["one", "two", "three"]),
            (#"{"type":"log","data":{"log_line":"oops","stream":"stderr"}}"#, ["┃ oops"]),
            (#"{"type":"log","data":{}}"#, [""]), (#"{"type":"log","data":{"lines":[]}}"#, []),
            (#"{"type":"log","data":{"lines":[1,{"a":"x"},"b"]}}"#, ["b"]),
            (
                #"{"type":"status","data":{"status":"running","message":"go"}}"#,
                ["status: running · go"]
            ),
            (#"{"type":"step","data":{"step_name":"mix","step_label":"Mix"}}"#, ["── Mix"]),
            (#"{"type":"complete","data":{"message":"well"}}"#, ["completed: well"]),
            (
                #"{"type":"error","data":{"error_message":"no","traceback":"a\nb"}}"#,
                ["error: no", "  a", "  b"]
            ),
            (#"{"type":"metrics","data":{"loss":1}}"#, [#"metrics: {"loss":1}"#]),
            (#"{"event":"job-failed","data":{"failedReason":"why"}}"#, ["error: why"]),
        ])
    func kinds(_ event: String, _ lines: [String]) { #expect(shown([event]) == lines) }

    @Test("without a terminal each tenth of progress is told once")
    func tenths() {
        let events = [1, 2, 11, 12, 19, 20, 100].map {
            #"{"type":"progress","data":{"progress":\#($0)}}"#
        }
        #expect(
            shown(events) == [
                "progress: 1 %", "progress: 11 %", "progress: 20 %", "progress: 100 %",
            ])
        #expect(shown(events, terminal: true) == [])
    }

    @Test("the bar never takes more than one line", arguments: 20...120)
    func width(_ columns: Int) {
        var picture = JobPicture()
        let step = String(repeating: "日x", count: 80)
        let event = #"{"type":"progress","data":{"progress":55,"current_step":"\#(step)"}}"#
        _ = picture.hear(Array(event.utf8), seq: 1)
        let bar = view(terminal: true, columns: columns).bar(job: "job", picture)
        let used = bar.unicodeScalars.reduce(0) { $0 + ($1 == "日" ? 2 : 1) }
        #expect(used < columns)
        #expect(used >= columns - 2)
    }

    @Test(
        "the bar is as full as the job is far",
        arguments: [(0, 0), (4, 0), (5, 1), (50, 12), (99, 23), (100, 24), (250, 24), (-3, 0)])
    func bar(_ progress: Int, _ blocks: Int) {
        var picture = JobPicture()
        _ = picture.hear(
            Array(#"{"type":"progress","data":{"progress":\#(progress)}}"#.utf8), seq: 1)
        let bar = view(terminal: true, columns: 100).bar(job: "j", picture)
        #expect(bar.count { $0 == "█" } == blocks)
        #expect(bar.count { $0 == "░" } == 24 - blocks)
    }

    @Test("lines go above the bar, which is drawn again below them")
    func drawing() {
        var (view, picture) = (view(terminal: true, columns: 40), JobPicture())
        _ = picture.hear(Array(#"{"type":"progress","data":{"progress":50}}"#.utf8), seq: 1)
        let bar = view.bar(job: "j", picture)
        #expect(view.drawn(["a"], job: "j", picture) == "a\n" + bar)
        #expect(view.drawn(["b"], job: "j", picture) == "\r\u{1B}[2Kb\n" + bar)
        #expect(view.drawn([], job: "j", picture) == "", "nothing new, nothing drawn")
        #expect(view.ended() == "\n")
        #expect(view.ended() == "")
    }

    @Test("a hostile worker reaches the terminal with colours at most")
    func hostile() {
        let evil = #"\u001b[2J\u001b]0;x\u0007\u009b5nok"#
        for type in ["log", "status", "step", "complete", "error", "\(evil)"] {
            let data = [
                "log_line", "status", "step_label", "message", "error_message", "traceback",
            ].map { #""\#($0)":"\#(evil)""# }
            let lines = shown(
                [#"{"type":"\#(type)","data":{\#(data.joined(separator: ","))}}"#], colours: true)
            #expect(!lines.isEmpty)
            for line in lines {
                let rest = line.replacing(/\u{1B}\[[0-9;]*m/, with: "")
                #expect(
                    !rest.unicodeScalars.contains { $0.value < 0x20 || 0x7F...0x9F ~= $0.value },
                    "\(rest.debugDescription)")
            }
        }
    }
}

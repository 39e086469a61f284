// How tail shows a job: lines that stay, and on a terminal one line at the bottom that is drawn anew, the
// progress bar. Pure: what was heard goes in, text comes out.
//
// Invariant: all text of workers passes PrintableText; the escapes written here are our own.

struct TailView {
    let isTerminal: Bool
    let hasColours: Bool
    /// Of the terminal.
    var columns: Int
    private var shownTenth = -1
    /// On the terminal's last line; nil where there is none.
    private var shownBar: String?

    static let lineScalarsMax = 8_192
    private static let barColumns = 24

    init(isTerminal: Bool, hasColours: Bool, columns: Int) {
        (self.isTerminal, self.hasColours, self.columns) = (isTerminal, hasColours, columns)
    }

    /// The lines an event is worth.
    mutating func lines(of said: JobPicture.Said, _ picture: JobPicture) -> [String] {
        switch said.kind {
        case .log:
            return said.lines.flatMap { logLines($0, isOnStandardError: said.isOnStandardError) }
        case .step: return [coloured("1", "── " + text(said.lines[0]))]
        case .status:
            return [coloured("2", "status: " + said.lines.map(text).joined(separator: " · "))]
        case .complete:
            let colour = picture.hasFailed ? "31" : "32"
            let message = said.lines[0].isEmpty ? "" : ": " + text(said.lines[0])
            return [coloured(colour, text(picture.status) + message)]
        case .error:
            let trace = said.lines.dropFirst().flatMap { PrintableText.lines($0, colours: false) }
            return [coloured("31", "error: " + text(said.lines[0]))]
                + trace.map { coloured("2", "  " + clipped($0)) }
        case .progress: return isTerminal ? [] : progressLine(picture)
        case .other: return [coloured("2", "\(text(said.type)): \(text(said.lines.first ?? ""))")]
        }
    }

    /// Without a bar: each tenth once.
    private mutating func progressLine(_ picture: JobPicture) -> [String] {
        guard let progress = picture.progress else { return [] }
        let tenth = Int(min(max(progress, 0), 100) / 10)
        guard tenth != shownTenth else { return [] }
        shownTenth = tenth
        return ["progress: \(percent(progress))" + (picture.step.map { " · " + text($0) } ?? "")]
    }

    /// What tail itself has to say: a gap, a loss, a notice.
    func remark(_ words: String) -> String { coloured("33", "· " + text(words)) }

    /// Text that puts `lines` above the bar and draws the bar again.
    mutating func drawn(_ lines: [String], job: String, _ picture: JobPicture) -> String {
        let above = lines.map { $0 + "\n" }.joined()
        guard isTerminal else { return above }
        let bar = bar(job: job, picture)
        guard !lines.isEmpty || bar != shownBar else { return "" }
        defer { shownBar = bar }
        return (shownBar == nil ? "" : "\r\u{1B}[2K") + above + bar
    }

    /// Leaves the terminal as we found it, the last bar standing.
    mutating func ended() -> String {
        defer { shownBar = nil }
        return shownBar == nil ? "" : "\n"
    }

    func bar(job: String, _ picture: JobPicture) -> String {
        let fill = picture.progress.map {
            Int((min(max($0, 0), 100) / 100 * Double(Self.barColumns)).rounded(.down))
        }
        let blocks =
            String(repeating: "█", count: fill ?? 0)
            + String(repeating: "░", count: Self.barColumns - (fill ?? 0))
        let words = [
            picture.progress.map(percent) ?? "  –", picture.status,
            picture.step ?? picture.message ?? "",
        ]
        let line = "\(job) \(blocks) " + words.filter { !$0.isEmpty }.joined(separator: " · ")
        return fitted(text(line), columns: columns - 1)
    }

    private func logLines(_ line: String, isOnStandardError: Bool) -> [String] {
        PrintableText.lines(clipped(line), colours: hasColours).map {
            isOnStandardError ? coloured("31", "┃ ") + $0 : $0
        }
    }

    private func text(_ text: String) -> String {
        PrintableText.plain(clipped(text).replacing("\n", with: " "))
    }

    private func clipped(_ text: String) -> String {
        guard text.unicodeScalars.count > Self.lineScalarsMax else { return text }
        return String(text.unicodeScalars.prefix(Self.lineScalarsMax)) + "…"
    }

    private func coloured(_ code: String, _ text: String) -> String {
        hasColours ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }

    private func percent(_ progress: Double) -> String { "\(Int(min(max(progress, 0), 100))) %" }

    /// Cut to what fits on one line, so that the next drawing covers it.
    private func fitted(_ text: String, columns: Int) -> String {
        var used = 0
        var shown = ""
        for scalar in text.unicodeScalars {
            // Wide in East Asian terminals and emoji; too wide a guess only cuts earlier.
            used +=
                scalar.value >= 0x1100
                    && !(0x2500...0x259F ~= scalar.value || 0x2010...0x2027 ~= scalar.value) ? 2 : 1
            guard used <= columns else { break }
            shown.unicodeScalars.append(scalar)
        }
        return shown
    }
}

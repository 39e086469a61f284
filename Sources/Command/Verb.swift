// What `jobwire` can do, declared once. Help, dispatch and the suggestion for a misspelt verb all come
// from `Verb.table`; a test holds them together.

import Settings

struct Verb: Sendable {
    let name: String
    let summary: String
    /// What stands behind the name, for each form the verb has.
    let forms: [String]
    /// Each a line of a shell; `#` begins what it does.
    let examples: [String]
    /// Paragraphs of help.
    let details: [String]
    let options: [CommandOption]
    /// The settings that matter to it; nil for all of them.
    let settings: [String]?
    /// How many words it takes.
    let words: ClosedRange<Int>
    /// It tells itself what is wrong with the settings, and goes on.
    let readsFaulty: Bool
    let run: @Sendable (Call) throws(Failure) -> ExitCode

    init(
        _ name: String, _ summary: String, forms: [String], examples: [String], details: [String],
        options: [CommandOption] = [], settings: [String]? = nil, words: ClosedRange<Int> = 0...0,
        readsFaulty: Bool = false,
        run: @escaping @Sendable (Call) throws(Failure) -> ExitCode
    ) {
        (self.name, self.summary, self.forms) = (name, summary, forms)
        (self.examples, self.details, self.options) = (examples, details, options)
        (self.settings, self.words, self.readsFaulty) = (settings, words, readsFaulty)
        self.run = run
    }

    static let table: [Verb] = [
        .run, .serve, .exec, .publish, .tail, .token, .check, .doctor, .verify, .simulate,
        .settings,
    ]

    static func named(_ name: String) throws(Failure) -> Verb {
        if let verb = table.first(where: { $0.name == name }) { return verb }
        let hint = nearest(to: name, among: table.map(\.name) + ["help"])
        throw Failure(
            .usage,
            "no such command: \(PrintableText.plain(name))"
                + (hint.map { "; did you mean \($0)?" } ?? "; see jobwire --help"))
    }
}

// What Jobwire listens to, and whether it can be told apart: a message must be of one source, and so of
// one job or feed; and Jobwire's own channels must be of none.

import Jobs

extension Settings {
    /// All sources, in the order in which they are subscribed to.
    public func sources() throws(SettingsFault) -> [Source] {
        let (sources, problems) = readSources()
        guard problems.isEmpty else { throw SettingsFault(problems: problems) }
        return sources
    }

    var patternProblems: [SettingsProblem] {
        guard keyPrefix.contains(/^[A-Za-z0-9_.:-]{1,64}$/) else {
            return [
                SettingsProblem(
                    "key-prefix", nil, "expected 1 to 64 letters, digits and any of _ . : -")
            ]
        }
        return readSources().problems
    }

    private func readSources() -> (sources: [Source], problems: [SettingsProblem]) {
        var sources: [Source] = []
        var problems: [SettingsProblem] = []
        func refuse(_ setting: String, _ reason: String) {
            problems.append(SettingsProblem(setting, nil, reason))
        }
        var earlier: [(pattern: ChannelPattern, name: String)] = []
        if let own = ChannelPattern(keyPrefix + ":*") {
            earlier = [(own, "Jobwire's own channels")]
        }
        func read(
            _ setting: String, _ text: String, as source: (String) throws(SourceFault) -> Source
        ) {
            do throws(SourceFault) {
                let source = try source(text)
                for other in earlier where source.pattern.overlaps(other.pattern) {
                    refuse(
                        setting,
                        "\(quoted(text)) and \(other.name) could match the same channel:"
                            + " make one of them narrower, or leave it out")
                }
                earlier.append((source.pattern, quoted(text)))
                sources.append(source)
            } catch { refuse(setting, "\(quoted(text)) \(error.message)") }
        }
        if patterns.isEmpty { refuse("patterns", "at least one is needed") }
        for text in patterns { read("patterns", text, as: Source.init(job:)) }
        for text in feeds { read("feeds", text, as: Source.init(feed:)) }
        if celeryResults { read("celery-results", Self.taskResults, as: Source.init(job:)) }
        if celeryEvents { read("celery-events", Self.taskEvents, as: Source.init(job:)) }
        return (sources, problems)
    }

    private static let taskResults = "celery-task-meta-*"
    /// The first * is the number of the broker's database, the second the kind of event.
    private static let taskEvents = "/*.celeryev/task.*#uuid"
}

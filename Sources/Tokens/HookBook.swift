// HookBook remembers what the rights hook said, and who waits for what it is being asked. Pure.
//
// Invariants: the same question is under way once, whoever asks. At most `atOnceMax` are under way and
// `waitingMax` wait behind them, half of those of one token, and tokens take turns. Only a yes or a no is
// remembered, for its time and `cacheMax` at most.

struct HookBook {
    typealias Name = VerifiedTokens.Name

    /// Beyond those under way.
    static let waitingMax = 2_000
    /// Who may wait for one answer.
    static let sharersMax = 10_000
    /// An answer's own word may stretch the time it is kept so many times.
    static let stretchMax: Int64 = 10

    enum Step: Equatable { case known(isAllowed: Bool), kept, overfull }

    private struct Kept {
        let isAllowed: Bool
        let until: Int64
    }

    private struct Open {
        let name: Name
        var questions: [HookQuestion]
    }

    private let cache: Int64
    private let cacheMax: Int
    private let atOnceMax: Int
    /// Half of the answers each: when the young are too many they become the old.
    private var young: [Name: Kept] = [:]
    private var old: [Name: Kept] = [:]
    private var open: [Int: Open] = [:]
    private var tags: [Name: Int] = [:]
    private var waiting = FairLine(max: Self.waitingMax)
    private var nextTag = 0

    init(_ options: RightsHookOptions) {
        (cache, cacheMax, atOnceMax) = (options.cache, options.cacheMax, options.atOnceMax)
    }

    var keptCount: Int { young.count + old.count }
    private var underWay: Int { open.count - waiting.count }

    /// `now` in milliseconds.
    mutating func take(_ question: HookQuestion, _ name: Name, now: Int64) -> Step {
        if let kept = young[name] ?? old[name], kept.until > now {
            return .known(isAllowed: kept.isAllowed)
        }
        if let tag = tags[name], let count = open[tag]?.questions.count {
            guard count < Self.sharersMax else { return .overfull }
            open[tag]?.questions.append(question)
            return .kept
        }
        guard waiting.append(nextTag + 1, of: question.token.text) else { return .overfull }
        nextTag += 1
        open[nextTag] = Open(name: name, questions: [question])
        tags[name] = nextTag
        return .kept
    }

    /// What is to be asked now, if there is room.
    mutating func next() -> (tag: Int, question: HookQuestion)? {
        guard underWay < atOnceMax, let tag = waiting.popFirst(),
            let question = open[tag]?.questions.first
        else { return nil }
        return (tag, question)
    }

    /// Who is to be told.
    mutating func end(
        _ tag: Int, _ outcome: HookAnswer.Outcome, maxAge: Int64?, now: Int64
    ) -> [HookQuestion] {
        guard let ended = open.removeValue(forKey: tag) else { return [] }
        tags[ended.name] = nil
        switch outcome {
        case .allowed: keep(ended.name, true, maxAge, now)
        case .refused: keep(ended.name, false, maxAge, now)
        case .failed, .overloaded: break
        }
        return ended.questions
    }

    private mutating func keep(_ name: Name, _ isAllowed: Bool, _ maxAge: Int64?, _ now: Int64) {
        old[name] = nil
        young[name] = nil
        let most = cache * Self.stretchMax
        let life = maxAge.map { min($0, most / 1_000) * 1_000 } ?? cache
        guard life > 0, cacheMax > 0 else { return }
        if young.count >= max(cacheMax / 2, 1) { (old, young) = (cacheMax > 1 ? young : [:], [:]) }
        young[name] = Kept(isAllowed: isAllowed, until: now + life)
    }
}

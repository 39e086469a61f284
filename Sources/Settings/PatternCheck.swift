// Which channel patterns can be told apart. A message must match one pattern, and so name one job;
// and Jobwire's own channels must match none.

extension Settings {
    var patternProblems: [SettingsProblem] {
        var problems: [SettingsProblem] = []
        func refuse(_ setting: String, _ reason: String) {
            problems.append(SettingsProblem(setting, nil, reason))
        }
        if !keyPrefix.contains(/^[A-Za-z0-9_.:-]{1,64}$/) {
            refuse("key-prefix", "expected 1 to 64 letters, digits and any of _ . : -")
        }
        if patterns.isEmpty { refuse("patterns", "at least one is needed") }
        var earlier = [(text: keyPrefix + ":*", name: "Jobwire's own channels")]
        for pattern in patterns {
            guard pattern.count(where: { $0 == "*" }) == 1 else {
                refuse("patterns", "\(quoted(pattern)) needs exactly one *, for the job id")
                continue
            }
            guard !pattern.contains(/[?\[\]\\\s]/) else {
                refuse("patterns", "\(quoted(pattern)) may hold no ? [ ] \\ or space")
                continue
            }
            for other in earlier where overlaps(pattern, other.text) {
                refuse(
                    "patterns", "\(quoted(pattern)) and \(other.name) could match the same channel")
            }
            earlier.append((pattern, quoted(pattern)))
        }
        return problems
    }
}

/// Whether some channel matches both. The longer of the two beginnings and the longer of the two
/// ends, put together, is one that does, as soon as each begins and ends with the other's.
func overlaps(_ first: String, _ second: String) -> Bool {
    let one = first.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
    let two = second.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
    guard let (head, otherHead) = pairOf(one.first, two.first),
        let (tail, otherTail) = pairOf(one.last, two.last)
    else { return false }
    return (head.starts(with: otherHead) || otherHead.starts(with: head))
        && (tail.reversed().starts(with: otherTail.reversed())
            || otherTail.reversed().starts(with: tail.reversed()))
}

private func pairOf<Value>(_ first: Value?, _ second: Value?) -> (Value, Value)? {
    guard let first, let second else { return nil }
    return (first, second)
}

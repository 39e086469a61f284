// FairLine is a line in which each owner has a line of his own, and those take turns: whoever asks much waits
// for himself alone.
//
// Invariant: `turns` names each owner who has something in line, once.

struct FairLine {
    let max: Int
    private var lines: [String: ArraySlice<Int>] = [:]
    private var turns: ArraySlice<String> = []
    private(set) var count = 0

    init(max: Int) { self.max = max }

    /// False where there is no room. Nobody may have more than he leaves free, so that there is always some.
    mutating func append(_ item: Int, of owner: String) -> Bool {
        let own = lines[owner]?.count ?? 0
        guard own < max - count else { return false }
        if own == 0 { turns.append(owner) }
        lines[owner, default: []].append(item)
        count += 1
        return true
    }

    mutating func popFirst() -> Int? {
        guard let owner = turns.popFirst(), let item = lines[owner]?.popFirst() else { return nil }
        count -= 1
        if lines[owner]?.isEmpty == true { lines[owner] = nil } else { turns.append(owner) }
        return item
    }
}

// Presence is what Redis counts this bridge for: among those that hold names, and as the one that would open
// an era under some name, or has just opened it. Both are subscriptions on which nothing is said.
//
// A bridge is counted before it takes itself for aligned, and has claimed a name before it opens an era under
// it. An era is opened only where Redis, in the same instant, counts nobody who holds names and nobody who
// claimed the era before: so it is opened over nobody, and candidates do not wait for each other.

/// What Redis counts.
enum Place: Equatable {
    case there
    case claim(Name)
}

struct Presence {
    struct Change: Equatable {
        let place: Place
        let isCounted: Bool
    }

    /// As Redis confirmed.
    private var counted: [Place] = []
    /// One at a time.
    private(set) var asked: Change?

    /// Counted, and nothing was asked that may have changed it already.
    func has(_ place: Place) -> Bool { counted.contains(place) && isSettled(place) }
    func isSettled(_ place: Place) -> Bool { asked?.place != place }

    /// What is to be asked of Redis, so that all that is wanted is counted and then nothing else.
    mutating func next(wanted: [Place]) -> Change? {
        guard asked == nil else { return nil }
        if let missing = wanted.first(where: { !counted.contains($0) }) {
            asked = Change(place: missing, isCounted: true)
        } else if let old = counted.first(where: { !wanted.contains($0) }) {
            asked = Change(place: old, isCounted: false)
        }
        return asked
    }

    /// What was asked last is so.
    mutating func confirmed() {
        guard let asked else { return }
        counted.removeAll { $0 == asked.place }
        if asked.isCounted { counted.append(asked.place) }
        self.asked = nil
    }
}

// Presence is whether Redis counts this bridge among those that are aligned or about to be: whether its
// subscription has the channel on which nothing is said.
//
// A bridge is counted before it is aligned, and asks only when it is known whether it is counted. So where
// nobody is counted nobody is aligned, and whoever finds that may open an era at once.

struct Presence {
    /// As Redis confirmed last.
    private(set) var isCounted = false
    private var asked: Bool?

    var isSettled: Bool { asked == nil }

    /// What is to be asked of Redis, so that it comes to be as wanted.
    mutating func next(wanted: Bool) -> Bool? {
        guard asked == nil, isCounted != wanted else { return nil }
        asked = wanted
        return wanted
    }

    mutating func confirmed(_ isCounted: Bool) {
        (self.isCounted, asked) = (isCounted, nil)
    }
}

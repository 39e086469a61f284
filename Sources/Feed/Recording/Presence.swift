// Presence is whether Redis counts this bridge among those that are aligned or about to be: whether its
// subscription has the channel on which nothing is said.
//
// A bridge is counted before it is aligned, and asks only when it is known whether it is counted. So where
// nobody is counted nobody is aligned, and whoever finds that may open an era at once.

struct Presence {
    private var wasCounted = false
    private var asked: Bool?

    var isSettled: Bool { asked == nil }
    /// As Redis confirmed last, where nothing was asked since that may have changed it already.
    var isCounted: Bool { wasCounted && isSettled }

    /// What is to be asked of Redis, so that it comes to be as wanted.
    mutating func next(wanted: Bool) -> Bool? {
        guard isSettled, wasCounted != wanted else { return nil }
        asked = wanted
        return wanted
    }

    mutating func confirmed(_ isCounted: Bool) {
        (wasCounted, asked) = (isCounted, nil)
    }
}

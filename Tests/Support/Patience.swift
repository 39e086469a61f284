// Patience is how long a test waits for what must come. It turns a hang into a failure and is no part of what
// is tested: far more than anything takes, also where the machine has other things to do.

import Dispatch
import Glibc

public enum Patience {
    public static let seconds = 120

    /// Counted from now on.
    public static var end: DispatchTime { .now() + .seconds(seconds) }
}

public struct WaitedInVain: Error { public let what: String }

/// Asks again and again, with a breath between, so that whoever is asked has the processor.
public func eventually(
    _ what: @autoclosure () -> String = "it is so", _ isSo: () throws -> Bool
) throws {
    let end = Patience.end
    while try !isSo() {
        guard DispatchTime.now() < end else { throw WaitedInVain(what: what()) }
        usleep(1_000)
    }
}

/// The same of a count. Patience begins anew whenever it is nearer to what is waited for than ever before: what goes
/// on does not hang. To read it may cost whoever is waited for, so the breath is longer.
public func eventually(_ what: String, counts wanted: Int, _ count: () throws -> Int) throws {
    var (end, nearest) = (Patience.end, Int.max)
    while true {
        let found = try count()
        if found == wanted { return }
        if abs(found - wanted) < nearest { (end, nearest) = (Patience.end, abs(found - wanted)) }
        guard DispatchTime.now() < end else {
            throw WaitedInVain(what: "\(what) is \(wanted), and not \(found)")
        }
        usleep(10_000)
    }
}

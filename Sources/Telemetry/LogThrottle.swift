// Keeps what clients can cause from filling the log: so many lines of one event each second, the
// rest is counted and told when the second is over. One for each loop, on its thread.
//
// Invariant: as many entries as there are events in our own source, since events are StaticString.

public final class LogThrottle {
    private struct Window {
        var startedAt: Int64
        var level: Log.Level
        var logged = 0
        var held = 0
    }

    private let log: Log
    private let perSecondMax: Int
    private var windows: [String: Window] = [:]

    public init(_ log: Log, perSecondMax: Int) {
        (self.log, self.perSecondMax) = (log, perSecondMax)
    }

    /// `milliseconds` is any clock that does not go back; the loop has one at hand.
    public func line(
        _ level: Log.Level, _ event: StaticString, at milliseconds: Int64,
        _ fields: @autoclosure () -> Log.Fields = [:]
    ) {
        guard level <= log.level else { return }
        let name = event.description
        var window = windows[name] ?? Window(startedAt: milliseconds, level: level)
        if milliseconds - window.startedAt >= 1_000 {
            tell(name, window)
            window = Window(startedAt: milliseconds, level: level)
        }
        if window.logged < perSecondMax {
            window.logged += 1
            log.line(level, event, fields)
        } else {
            window.held += 1
        }
        windows[name] = window
    }

    /// Called about once a second, and before the end: tells what was held back.
    public func tellHeld(at milliseconds: Int64, all: Bool = false) {
        for (name, window) in windows where all || milliseconds - window.startedAt >= 1_000 {
            tell(name, window)
            windows[name] = nil
        }
    }

    private func tell(_ name: String, _ window: Window) {
        guard window.held > 0 else { return }
        log.line(window.level, "repeated") { ["of": .text(name), "count": .integer(window.held)] }
    }
}

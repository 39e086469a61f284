// Timers fire in order, once, never early; and let their targets go.

import Testing

@testable import Loop

@Suite("Timer wheel")
struct TimerWheelTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    @Test("timers fire in the order of their times, however they were armed")
    func order() {
        var wheel = TimerWheel(now: start)
        var fired: [Int] = []
        let delays = (0..<500).map { ($0 * 7919) % 500 }
        for delay in delays { arm(&wheel, after: delay * 50) { fired.append(delay) } }
        for step in 1...30 { pass(&wheel, to: step * 1000) }
        #expect(fired == Array(0..<500))
        #expect(wheel.count == 0)
    }

    @Test(
        "a timer never fires early, and at most a hundredth of a second late",
        arguments: [0, 1, 9, 10, 11, 10_239, 10_240, 10_241, 25_000])
    func neverEarly(milliseconds: Int) {
        var wheel = TimerWheel(now: start)
        var fired = false
        arm(&wheel, after: milliseconds) { fired = true }
        for now in 0..<milliseconds { pass(&wheel, to: now) }
        #expect(!fired)
        pass(&wheel, to: milliseconds + 10)
        #expect(fired)
    }

    @Test("a disarmed timer stays silent, also when it was due with others, and again is nothing")
    func disarm() {
        var wheel = TimerWheel(now: start)
        var fired: [String] = []
        let first = arm(&wheel, after: 20) { fired.append("first") }
        arm(&wheel, after: 20) { fired.append("second") }
        wheel.disarm(first)
        wheel.disarm(first)
        let reused = arm(&wheel, after: 20) { fired.append("reused") }
        wheel.disarm(first)
        #expect(reused != first)
        pass(&wheel, to: 100)
        #expect(fired == ["second", "reused"])
    }

    @Test("a loop that was late by minutes fires all that is due, and only that")
    func lateByMinutes() {
        var wheel = TimerWheel(now: start)
        var fired = 0
        for second in 1...200 { arm(&wheel, after: second * 1000) { fired += 1 } }
        pass(&wheel, to: 150_500)
        #expect(fired == 150)
        #expect(wheel.count == 50)
    }

    @Test(
        "the loop sleeps no longer than to the next timer", arguments: [10, 30, 640, 5000, 10_000])
    func wait(milliseconds: Int) throws {
        var wheel = TimerWheel(now: start)
        #expect(wheel.wait(from: start) == nil)
        arm(&wheel, after: milliseconds) {}
        let wait = try #require(wheel.wait(from: start))
        #expect(wait >= .milliseconds(milliseconds) && wait <= .milliseconds(milliseconds + 10))
    }

    @Test("a target is let go when its timer fired, was disarmed or the wheel was emptied")
    func letsGo() {
        var wheel = TimerWheel(now: start)
        for end in 0..<3 {
            weak var target: Alarm?
            do {
                let alarm = Alarm { _ in }
                target = alarm
                let id = wheel.arm(alarm, at: start)
                if end == 0 { wheel.disarm(id) }
            }
            if end == 1 { pass(&wheel, to: 1000) }
            if end == 2 { wheel.disarmAll() }
            #expect(target == nil, "way \(end)")
        }
    }

    @Test("a timer that arms itself again in its callback rings again, another it disarms does not")
    func inCallback() throws {
        let loop = try Loop()
        var rings = 0
        var victim: TimerID?
        func again(_ id: TimerID) {
            rings += 1
            if let victim { loop.disarm(victim) }
            if rings == 3 { loop.stop() } else { _ = loop.arm(Alarm(again), after: .zero) }
        }
        _ = loop.arm(Alarm(again), after: .zero)
        victim = loop.arm(Alarm { _ in Issue.record("was disarmed") }, after: .zero)
        loop.runInTime()
        #expect(rings == 3)
    }

    @discardableResult
    private func arm(
        _ wheel: inout TimerWheel, after milliseconds: Int, _ ring: @escaping () -> Void
    ) -> TimerID {
        wheel.arm(Alarm { _ in ring() }, at: start + .milliseconds(milliseconds))
    }

    private func pass(_ wheel: inout TimerWheel, to milliseconds: Int) {
        wheel.advance(to: start + .milliseconds(milliseconds))
        while let (target, id) = wheel.nextDue() { target.timerFired(id) }
    }
}

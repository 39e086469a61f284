// An event that comes late finds nobody, though the descriptor's number and slot are in use again.

import Testing

@testable import Loop

@Suite("Poller")
struct PollerTests {
    @Test("an event of a descriptor that was closed is not its successor's in the same slot")
    func generations() throws {
        var poller = try Poller()
        let (first, second) = (Listening(), Listening())
        let old: PollToken
        let number: Int32
        do {
            let descriptor = try Descriptor.eventCounter()
            number = descriptor.raw
            old = try poller.add(descriptor, .readable, for: first)
            descriptor.wake()
            #expect(poller.wait(milliseconds: 0) == 1)
            poller.release(old)
        }
        // The event was collected; before its turn comes, another takes number and slot.
        let successor = try Descriptor.eventCounter()
        let new = try poller.add(successor, .readable, for: second)
        let (late, _) = poller.event(0)
        #expect(late == old && new.slot == old.slot && new != old)
        #expect(poller.target(of: late) == nil)
        #expect(poller.target(of: new) === second)
        _ = number
    }

    @Test("slots are used again, and many at a time are kept apart")
    func slots() throws {
        var poller = try Poller()
        let descriptor = try Descriptor.eventCounter()
        let only = try poller.add(descriptor, .readable, for: Listening())
        #expect(only.slot == 0)
        poller.silence(descriptor, only)
        poller.release(only)
        let again = try poller.add(descriptor, .readable, for: Listening())
        #expect(again.slot == 0 && again.generation == 1)
        #expect(PollToken(again.bits) == again)
    }
}

private final class Listening: EventTarget {
    func ready(_ readiness: Readiness) {}
}

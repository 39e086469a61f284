// TimerWheel keeps tens of thousands of deadlines: arming and disarming are O(1), a timer is 48
// bytes in a slab, and a tick looks only at the slots whose time has come.
//
// A deadline hashes to the slot of its tick. A slot also holds deadlines of later turns of the
// wheel, which are passed over. Timers never fire early, and in order of their ticks.
//
// Invariant: a node is in exactly one list (a slot's, the due or the free one); `occupied` has the
// bit of each slot that is not empty; a target is let go when its timer fires or is disarmed.

public protocol TimerTarget: AnyObject {
    func timerFired(_ id: TimerID)
}

public struct TimerID: Hashable, Sendable {
    let node: UInt32
    let generation: UInt32
}

struct TimerWheel {
    private struct Node {
        var target: (any TimerTarget)?
        var tick: Int64 = 0
        var previous = TimerWheel.none
        var next = TimerWheel.none
        var list: UInt32 = 0
        var generation: UInt32 = 0
    }

    private struct List {
        var first = TimerWheel.none
        var last = TimerWheel.none
    }

    private var nodes: [Node] = []
    private var firstFree = none
    /// One for each slot, and last the list of those that are due.
    private var lists = [List](repeating: List(), count: slotCount + 1)
    private var occupied = [UInt64](repeating: 0, count: slotCount / 64)
    /// The last tick whose timers were fired.
    private var tick: Int64
    private(set) var count = 0

    init(now: Instant) { tick = now.nanoseconds / Self.resolution }

    mutating func arm(_ target: any TimerTarget, at deadline: Instant) -> TimerID {
        let index = takeFree()
        let roundedUp = deadline.nanoseconds / Self.resolution + 1
        nodes[Int(index)].target = target
        nodes[Int(index)].tick = max(roundedUp, tick + 1)
        append(index, to: Self.slot(of: nodes[Int(index)].tick))
        count += 1
        return TimerID(node: index, generation: nodes[Int(index)].generation)
    }

    /// A timer that fired or was disarmed already is none of ours.
    mutating func disarm(_ id: TimerID) {
        guard nodes[Int(id.node)].generation == id.generation else { return }
        unlink(id.node)
        _ = free(id.node)
    }

    mutating func disarmAll() {
        for index in nodes.indices where nodes[index].target != nil {
            unlink(UInt32(index))
            _ = free(UInt32(index))
        }
    }

    /// Collects what is due by `now`. Fire it with `nextDue`, one by one.
    mutating func advance(to now: Instant) {
        let target = now.nanoseconds / Self.resolution
        guard target > tick else { return }
        let first = max(tick + 1, target - Int64(Self.slotCount) + 1)
        tick = target
        for passed in first...target {
            var index = lists[Self.slot(of: passed)].first
            while index != Self.none {
                let next = nodes[Int(index)].next
                if nodes[Int(index)].tick <= target {
                    unlink(index)
                    append(index, to: Self.due)
                }
                index = next
            }
        }
    }

    /// A due timer's target may arm and disarm, also others that are due.
    mutating func nextDue() -> (target: any TimerTarget, id: TimerID)? {
        let index = lists[Self.due].first
        guard index != Self.none else { return nil }
        let id = TimerID(node: index, generation: nodes[Int(index)].generation)
        unlink(index)
        return free(index).map { ($0, id) }
    }

    /// How long to sleep: until the next slot that is not empty, which may hold only later turns.
    func wait(from now: Instant) -> Duration? {
        guard count > 0 else { return nil }
        let start = tick + 1
        var ahead: Int64 = 0
        while ahead < Self.slotCount {
            let slot = Self.slot(of: start + ahead)
            let here = occupied[slot / 64] >> UInt64(slot % 64)
            if here != 0 {
                ahead += Int64(here.trailingZeroBitCount)
                return Instant(nanoseconds: (start + ahead) * Self.resolution) - now
            }
            ahead += Int64(64 - slot % 64)
        }
        return nil
    }

    // MARK: - Lists

    private mutating func takeFree() -> UInt32 {
        guard firstFree != Self.none else {
            nodes.append(Node())
            return UInt32(nodes.count - 1)
        }
        let index = firstFree
        firstFree = nodes[Int(index)].next
        return index
    }

    private mutating func free(_ index: UInt32) -> (any TimerTarget)? {
        let target = nodes[Int(index)].target
        nodes[Int(index)].target = nil
        nodes[Int(index)].generation &+= 1
        nodes[Int(index)].next = firstFree
        firstFree = index
        count -= 1
        return target
    }

    private mutating func append(_ index: UInt32, to list: Int) {
        let last = lists[list].last
        nodes[Int(index)].list = UInt32(list)
        nodes[Int(index)].previous = last
        nodes[Int(index)].next = Self.none
        if last == Self.none { lists[list].first = index } else { nodes[Int(last)].next = index }
        lists[list].last = index
        if list != Self.due { occupied[list / 64] |= 1 << UInt64(list % 64) }
    }

    private mutating func unlink(_ index: UInt32) {
        let node = nodes[Int(index)]
        let list = Int(node.list)
        if node.previous == Self.none {
            lists[list].first = node.next
        } else {
            nodes[Int(node.previous)].next = node.next
        }
        if node.next == Self.none {
            lists[list].last = node.previous
        } else {
            nodes[Int(node.next)].previous = node.previous
        }
        if list != Self.due, lists[list].first == Self.none {
            occupied[list / 64] &= ~(1 << UInt64(list % 64))
        }
    }

    private static func slot(of tick: Int64) -> Int { Int(tick & Int64(slotCount - 1)) }

    private static let none = UInt32.max
    /// A power of two; 10 ms each, so one turn takes 10 s.
    private static let slotCount = 1024
    private static let due = slotCount
    private static let resolution: Int64 = 10_000_000
}

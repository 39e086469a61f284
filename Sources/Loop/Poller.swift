// Poller tells whose descriptor is ready.
//
// epoll hands back a token, never a pointer: a slot in the slab and the slot's generation. A slot
// that was left gets a new generation, so a late event of a descriptor that was closed, and whose
// number is in use again, finds nobody.
//
// Level-triggered: what was not read or written in this tick is reported again in the next.

import CLinux

/// Whoever owns a descriptor that is waited for.
protocol EventTarget: AnyObject {
    func ready(_ readiness: Readiness)
}

/// What epoll is asked for, and what it tells.
struct Readiness: OptionSet {
    let rawValue: UInt32
    static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// Told without being asked for.
    static let failed = Readiness(rawValue: EPOLLERR.rawValue)
    static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue)
}

/// A slot of the slab, as long as its generation lasts.
struct PollToken: Equatable {
    let slot: UInt32
    let generation: UInt32

    init(slot: UInt32, generation: UInt32) { (self.slot, self.generation) = (slot, generation) }

    init(_ bits: UInt64) {
        slot = UInt32(truncatingIfNeeded: bits)
        generation = UInt32(truncatingIfNeeded: bits >> 32)
    }

    var bits: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

struct Poller: ~Copyable {
    private struct Slot {
        var target: (any EventTarget)?
        var generation: UInt32 = 0
        /// Links the free slots; meaningless while taken.
        var nextFree: UInt32 = Self.none
        static let none = UInt32.max
    }

    private let epoll: Descriptor
    private var slots: [Slot] = []
    private var firstFree = Slot.none
    private let events: EventBuffer

    init() throws(SystemError) {
        epoll = Descriptor(
            owning: try Kernel.require(.epoll) { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        events = EventBuffer(capacity: Self.eventsPerTickMax)
    }

    mutating func add(
        _ descriptor: borrowing Descriptor, _ interest: Readiness, for target: any EventTarget
    ) throws(SystemError) -> PollToken {
        let token = reserve(for: target)
        do {
            try control(EPOLL_CTL_ADD, descriptor, interest, token)
            return token
        } catch {
            release(token)
            throw error
        }
    }

    func change(_ descriptor: borrowing Descriptor, _ interest: Readiness, _ token: PollToken) {
        // Sound to trap: the descriptor is registered, so only our own fault can fail this.
        do { try control(EPOLL_CTL_MOD, descriptor, interest, token) } catch {
            fatalError("\(error)")
        }
    }

    /// Not even a hang-up is told. The slot stays.
    func silence(_ descriptor: borrowing Descriptor, _ token: PollToken) {
        do { try control(EPOLL_CTL_DEL, descriptor, [], token) } catch { fatalError("\(error)") }
    }

    func unsilence(_ descriptor: borrowing Descriptor, _ interest: Readiness, _ token: PollToken) {
        // The kernel had room for it before; without room now nobody would ever be told of it.
        do { try control(EPOLL_CTL_ADD, descriptor, interest, token) } catch {
            fatalError("\(error)")
        }
    }

    /// The target hears nothing more. The descriptor must be closed next, which unregisters it.
    mutating func release(_ token: PollToken) {
        let slot = Int(token.slot)
        precondition(slots[slot].generation == token.generation, "a slot was released twice")
        slots[slot].target = nil
        slots[slot].generation &+= 1
        slots[slot].nextFree = firstFree
        firstFree = token.slot
    }

    /// Waits up to `milliseconds` (-1: for ever) and returns how many events are there to read.
    func wait(milliseconds: Int32) -> Int { events.wait(on: epoll, milliseconds: milliseconds) }

    func event(_ index: Int) -> (token: PollToken, readiness: Readiness) { events[index] }

    /// Nil when the slot's owner has left since the kernel noted the event.
    func target(of token: PollToken) -> (any EventTarget)? {
        let slot = slots[Int(token.slot)]
        return slot.generation == token.generation ? slot.target : nil
    }

    /// For the end of the loop.
    mutating func releaseAll() {
        slots = []
        firstFree = Slot.none
    }

    var targets: [any EventTarget] { slots.compactMap(\.target) }

    private mutating func reserve(for target: any EventTarget) -> PollToken {
        guard firstFree != Slot.none else {
            slots.append(Slot(target: target))
            return PollToken(slot: UInt32(slots.count - 1), generation: 0)
        }
        let slot = firstFree
        firstFree = slots[Int(slot)].nextFree
        slots[Int(slot)].target = target
        return PollToken(slot: slot, generation: slots[Int(slot)].generation)
    }

    private func control(
        _ verb: Int32, _ descriptor: borrowing Descriptor, _ interest: Readiness, _ token: PollToken
    ) throws(SystemError) {
        let (epoll, raw) = (epoll.raw, descriptor.raw)
        _ = try Kernel.require(.epoll) {
            linux_epoll_control(epoll, verb, raw, interest.rawValue, token.bits)
        }
    }

    private static let eventsPerTickMax = 512
}

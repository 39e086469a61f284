// A scene for tests against a real Redis: a loop on a thread of its own, an owner that notes what it
// hears there, and a test that waits until what it expects has been noted. Nothing sleeps.

import Dispatch
import Loop
import Support
import Synchronization
import Testing

@testable import Redis

enum Event: Equatable, Sendable {
    case ready
    case heard(channel: String, pattern: Int?, payload: [UInt8])
    case read
    case silent(Bool)
    case changed(String, ChannelChange)
    case lost(RedisFault)
    case retrying(Duration)
    case answer(RedisCommands.Answer)

    static func heard(_ channel: String, _ pattern: Int?, _ payload: String) -> Event {
        .heard(channel: channel, pattern: pattern, payload: Array(payload.utf8))
    }
}

final class Scene {
    private let notes = Notes()
    private let calls: Mailbox<@Sendable (Loop) -> Void>
    private let thread: LoopThread

    init() throws {
        let calls = try Mailbox<@Sendable (Loop) -> Void>()
        self.calls = calls
        thread = try LoopThread.start(name: "scene") {
            do {
                let loop = try Loop()
                try loop.attach(calls) { $0(loop) }
                loop.run()
            } catch { fatalError("no loop: \(error)") }
        }
    }

    deinit {
        calls.post { $0.stop() }
        thread.join()
    }

    /// All but the ends of reads, which come as the network cuts, and silences, which come as fast as the
    /// machine is.
    var events: [Event] {
        notes.events.filter { event in
            switch event {
            case .read, .silent: false
            default: true
            }
        }
    }
    /// Whether it was silent, each time that this changed.
    var silences: [Bool] {
        notes.events.compactMap { if case .silent(let isSilent) = $0 { isSilent } else { nil } }
    }
    var reads: Int { notes.events.count { $0 == .read } }
    var losses: [RedisFault] {
        events.compactMap { if case .lost(let fault) = $0 { fault } else { nil } }
    }
    var pauses: [Duration] {
        events.compactMap { if case .retrying(let pause) = $0 { pause } else { nil } }
    }
    var answers: [RedisCommands.Answer] {
        events.compactMap { if case .answer(let answer) = $0 { answer } else { nil } }
    }

    /// Waits until `isOver`, which is asked after each event. A test that would hang fails.
    func run(_ what: String, until isOver: () -> Bool) throws {
        let deadline = DispatchTime.now() + .seconds(30)
        while !isOver() {
            try #require(
                notes.added.wait(timeout: deadline) == .success,
                "waited in vain until \(what); heard: \(events.suffix(5))")
        }
    }

    func runUntil(_ event: Event) throws { try run("\(event)") { events.last == event } }

    /// Looks again and again at what no event tells.
    func wait(_ what: String, until isSo: () throws -> Bool) throws {
        let deadline = DispatchTime.now() + .seconds(30)
        while try !isSo() {
            try #require(
                DispatchTime.now() < deadline,
                "waited in vain until \(what); heard: \(events.suffix(5))")
        }
    }

    /// Lets something last for so long.
    func pass(_ time: Duration) {
        let isOver = DispatchSemaphore(value: 0)
        calls.post { loop in _ = loop.arm(Alarm { isOver.signal() }, after: time) }
        isOver.wait()
    }

    /// Runs until the connection is lost (again) and returns why.
    func runUntilLost() throws -> RedisFault? {
        let count = seenLosses
        try run("a loss") { losses.count > count }
        seenLosses = count + 1
        return losses[count]
    }
    private var seenLosses = 0

    /// Runs `body` on the loop's thread and returns what it returned.
    func onLoop<Value>(_ body: @escaping (Loop) -> Value) -> Value {
        // Sound: the test waits while the loop's thread has the box, so there is no race.
        let box = Box<(Loop) -> Value, Value>(body)
        let isDone = DispatchSemaphore(value: 0)
        calls.post { loop in
            box.output = box.input(loop)
            isDone.signal()
        }
        isDone.wait()
        guard let value = box.output else { fatalError("nothing was returned") }
        return value
    }

    func subscriber(
        _ address: RedisAddress, _ options: RedisOptions,
        patterns: [String] = ["job:*:updates"],
        channels: @escaping (RedisIdentity) -> [String] = { _ in ["control"] }
    ) -> Remote<RedisSubscriber> {
        let notes = notes
        return Remote(
            scene: self,
            subject: onLoop { loop in
                let subscriber = RedisSubscriber(
                    loop: loop, address: address, options: options, patterns: patterns,
                    channels: channels, owner: notes)
                subscriber.start()
                return subscriber
            })
    }

    func commands(_ address: RedisAddress, _ options: RedisOptions) -> Remote<RedisCommands> {
        let notes = notes
        return Remote(
            scene: self,
            subject: onLoop { loop in
                let commands = RedisCommands(
                    loop: loop, address: address, options: options, owner: notes)
                commands.start()
                return commands
            })
    }

    /// Notes the answer of a command.
    var answer: (RedisCommands.Answer) -> Void {
        { [notes] in notes.add(.answer($0)) }
    }
}

private final class Alarm: TimerTarget {
    private let ring: () -> Void
    init(_ ring: @escaping () -> Void) { self.ring = ring }
    func timerFired(_ id: TimerID) { ring() }
}

/// What lives on the loop's thread, looked at from the test's.
@dynamicMemberLookup
struct Remote<Subject> {
    let scene: Scene
    let subject: Subject

    subscript<Value>(dynamicMember path: KeyPath<Subject, Value>) -> Value {
        ask { $0[keyPath: path] }
    }

    @discardableResult
    func ask<Value>(_ body: @escaping (Subject) -> Value) -> Value {
        scene.onLoop { [subject] _ in body(subject) }
    }
}

private final class Box<Input, Output>: @unchecked Sendable {
    let input: Input
    var output: Output?
    init(_ input: Input) { self.input = input }
}

private final class Notes: Sendable {
    private let noted = Mutex<[Event]>([])
    let added = DispatchSemaphore(value: 0)

    var events: [Event] { noted.withLock { $0 } }

    func add(_ event: Event) {
        noted.withLock { $0.append(event) }
        added.signal()
    }
}

extension Notes: RedisSubscriberOwner {
    func subscriberReady(_ subscriber: RedisSubscriber) { add(.ready) }

    func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {
        add(.heard(channel: channel.text, pattern: pattern, payload: Array(payload.text.utf8)))
    }

    func subscriber(
        _ subscriber: RedisSubscriber, _ change: ChannelChange, of channel: String
    ) { add(.changed(channel, change)) }

    func subscriber(_ subscriber: RedisSubscriber, isSilent: Bool) { add(.silent(isSilent)) }

    func subscriberReadDone(_ subscriber: RedisSubscriber) { add(.read) }
    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) { add(.lost(fault)) }
    func subscriberRetrying(after delay: Duration) { add(.retrying(delay)) }
}

extension Notes: RedisCommandsOwner {
    func commandsReady(_ commands: RedisCommands) { add(.ready) }
    func commandsLost(_ commands: RedisCommands, _ fault: RedisFault) { add(.lost(fault)) }
    func commandsRetrying(after delay: Duration) { add(.retrying(delay)) }
}

extension RedisOptions {
    /// Short waits, so that tests of many failures are quick.
    static var quick: RedisOptions {
        var options = RedisOptions()
        options.backoffBase = .milliseconds(10)
        (options.backoffCap, options.refusedBackoffCap) = (.milliseconds(50), .milliseconds(50))
        return options
    }

    /// Waits so long before it tries again that a test would not see it.
    static var patient: RedisOptions {
        var options = RedisOptions()
        (options.backoffBase, options.backoffCap) = (.seconds(36_000), .seconds(36_000))
        return options
    }
}

extension RedisServer {
    func address(_ login: String = "") throws -> RedisAddress {
        try RedisAddress(parsing: "redis://\(login)127.0.0.1:\(port)")
    }
}

func bytes(_ words: String...) -> [[UInt8]] { words.map { Array($0.utf8) } }

/// A subscriber in a scene of its own, to which all is confirmed.
func subscribed(
    to server: RedisServer, options: RedisOptions = .quick
) throws -> (Scene, Remote<RedisSubscriber>) {
    let scene = try Scene()
    let subscriber = scene.subscriber(try server.address(), options)
    try scene.runUntil(.ready)
    return (scene, subscriber)
}

/// Waits until subscribed again, then publishes and hears it.
func hearsAgain(_ server: RedisServer, _ scene: Scene) throws {
    try scene.runUntil(.ready)
    try server.ask("publish", "job:again:updates", "{}")
    try scene.runUntil(.heard("job:again:updates", 0, "{}"))
}

func stop(_ subscriber: Remote<RedisSubscriber>) {
    subscriber.ask { $0.stop() }
    #expect(subscriber.state == .stopped)
}

// What a recorder decides, without Redis: whom it waits for, how long, and when it says that updates flow.

import Loop
import Support
import Testing

@testable import Feed

@Suite("A recorder by itself")
struct RecorderTests {
    private static func name(_ text: String) -> Name {
        guard let name = Name(checking: text) else { fatalError("no name: \(text)") }
        return name
    }

    private static let (me, other, patterns) = (name("me"), name("other"), name("patterns"))
    private static let begin = Instant(nanoseconds: 1_000_000_000)

    /// A bridge that has just asked where it is, while `others` are there.
    private final class Asked {
        var recorder: Recorder
        var random = Dice(seed: 1)
        let token: Name
        var now = RecorderTests.begin

        init(others: Int, era: Name? = RecorderTests.name("era")) throws {
            recorder = Recorder(
                me: RecorderTests.me, patterns: RecorderTests.patterns, limits: RecorderLimits())
            recorder.subscriptionReady(reign: "reign", at: now)
            recorder.commandsReady(reign: "reign")
            var asked: Name?
            while let step = recorder.next(at: now, using: &random) {
                switch step {
                case .ask(let token): asked = token
                case .pulse(let call): recorder.answered(call, nil, at: now)
                default: break
                }
            }
            token = try #require(asked)
            hear(.where(token: token, by: RecorderTests.me, Expected(era: era, last: 7)))
            recorder.answered(ask: token, present: others, at: now)
            beCounted()
        }

        /// Redis does at once what it is asked.
        func beCounted() {
            while recorder.presence.asked != nil || recorder.nextPresence() != nil {
                recorder.presenceConfirmed()
            }
        }

        /// Answers whether that can be.
        @discardableResult
        func isStamped(_ last: Int64) -> Bool {
            recorder.hear(
                StampedMessage(
                    by: RecorderTests.other, era: RecorderTests.name("era"), last: last),
                at: now)
        }

        func hear(_ word: ControlMessage.Word, patterns: Name = RecorderTests.patterns) {
            recorder.hear(ControlMessage(word, patterns: patterns), at: now)
        }

        /// Lets time pass and, where Redis answers, a pulse come back. Answers whether an era is then opened.
        func wait(_ time: Duration, isAnswered: Bool = true, others: Int = 1) -> Bool {
            now = now + time
            var isOpened = false
            while let step = recorder.next(at: now, using: &random) {
                switch step {
                case .open: isOpened = true
                case .present: recorder.presenceConfirmed()
                case .pulse(let call) where isAnswered:
                    recorder.answered(
                        call, PulseAnswer(reign: "reign", isPrimary: true, present: others), at: now
                    )
                default: break
                }
            }
            return isOpened
        }
    }

    @Test("where nobody is there an era is opened at once")
    func alone() throws {
        let asked = try Asked(others: 0)
        #expect(asked.wait(.milliseconds(1), others: 0))
    }

    @Test("one that is there is waited for, and given up once it has been silent for long enough")
    func silent() throws {
        let asked = try Asked(others: 1)
        for _ in 0..<79 { #expect(!asked.wait(.milliseconds(100))) }
        #expect(asked.wait(.milliseconds(100)))
    }

    @Test("time in which Redis answers nothing counts for a second at most")
    func standstill() throws {
        let asked = try Asked(others: 1)
        #expect(!asked.wait(.milliseconds(100), isAnswered: false))
        #expect(!asked.wait(.seconds(60), isAnswered: false))
        // The pulse that was out is answered now.
        asked.recorder.answered(
            PulseCall(
                number: 2, token: asked.token, countsUs: false,
                connection: asked.recorder.commands?.number ?? 0),
            PulseAnswer(reign: "reign", isPrimary: true, present: 1), at: asked.now)
        #expect(!asked.wait(.milliseconds(100)))
    }

    @Test("one that says that it will answer is waited for anew")
    func answers() throws {
        let asked = try Asked(others: 1)
        for _ in 0..<79 { #expect(!asked.wait(.milliseconds(100))) }
        asked.hear(.wait(token: asked.token))
        for _ in 0..<79 { #expect(!asked.wait(.milliseconds(100))) }
    }

    @Test(
        "once those that were there are gone an era is opened, when they may have recorded what they held"
    )
    func gone() throws {
        let asked = try Asked(others: 1)
        #expect(!asked.wait(.milliseconds(100)))
        for _ in 0..<3 { #expect(!asked.wait(.milliseconds(100), others: 0)) }
        #expect(asked.wait(.milliseconds(100), others: 0))
    }

    @Test("beside bridges with other patterns it records nothing, says so, and asks again")
    func others() throws {
        let asked = try Asked(others: 1)
        asked.hear(
            .at(token: asked.token, era: Self.name("era"), ordinal: 7, last: 7),
            patterns: Self.name("foreign"))
        #expect(
            asked.recorder.flow(after: .flows, at: asked.now) == .otherPatterns
                && !asked.recorder.isAligned)
        #expect(!asked.wait(.milliseconds(500)))
        #expect(asked.recorder.asking == nil)
        _ = asked.wait(.milliseconds(600))
        #expect(asked.recorder.asking != nil)
    }

    @Test("it is aligned once Redis counts it among those that are there, and not before")
    func counted() throws {
        let asked = try Asked(others: 1)
        asked.hear(.at(token: asked.token, era: Self.name("era"), ordinal: 7, last: 7))
        #expect(!asked.recorder.isAligned)
        asked.beCounted()
        #expect(asked.recorder.isAligned)
    }

    @Test(
        "updates flow while pulses come back, and stand still two seconds after the last one that did"
    )
    func flow() throws {
        let asked = try aligned()
        #expect(asked.recorder.flow(after: .flows, at: asked.now) == .flows)
        #expect(asked.recorder.flow(after: .flows, at: asked.now + .milliseconds(1_999)) == .flows)
        #expect(asked.recorder.flow(after: .flows, at: asked.now + .seconds(2)) == .noAnswer)
        asked.recorder.subscriptionLost()
        #expect(asked.recorder.flow(after: .flows, at: asked.now) == .noSubscription)
    }

    @Test("what is heard and not recorded within two seconds stands still")
    func unrecorded() throws {
        let asked = try aligned()
        let hasRoom = asked.recorder.hear(
            QueuedEvent(job: nil, event: nil, heardAt: asked.now.nanoseconds))
        #expect(hasRoom)
        asked.now = asked.now + .seconds(2)
        asked.recorder.pulses.prove(at: asked.now)
        #expect(asked.recorder.flow(after: .flows, at: asked.now) == .unrecorded)
        asked.isStamped(8)
        #expect(asked.recorder.flow(after: .flows, at: asked.now) == .flows)
    }

    @Test("after a standstill updates flow once what was heard before the pulse is recorded")
    func back() throws {
        let asked = try aligned()
        let hasRoom = asked.recorder.hear(
            QueuedEvent(job: nil, event: nil, heardAt: asked.now.nanoseconds))
        #expect(hasRoom)
        #expect(asked.recorder.flow(after: .noAnswer, at: asked.now) == .unrecorded)
        asked.isStamped(8)
        #expect(asked.recorder.flow(after: .noAnswer, at: asked.now) == .flows)
    }

    @Test("what is said to be recorded before it was heard is not believed")
    func impossible() throws {
        let asked = try aligned()
        let hasRoom = asked.recorder.hear(
            QueuedEvent(job: nil, event: nil, heardAt: asked.now.nanoseconds))
        for last in [9, 1 << 53] as [Int64] { #expect(!asked.isStamped(last)) }
        #expect(hasRoom && asked.recorder.queue.count == 1 && asked.recorder.recorded == 7)
        #expect(asked.isStamped(8) && asked.recorder.queue.isEmpty)
    }

    @Test("a server that is another primary than it was ends what was heard on it")
    func reign() throws {
        let asked = try aligned()
        asked.recorder.answered(
            PulseCall(
                number: 1, token: nil, countsUs: true,
                connection: asked.recorder.commands?.number ?? 0),
            PulseAnswer(reign: "next", isPrimary: true, present: 1), at: asked.now)
        guard
            case .reconnectSubscription? = asked.recorder.next(at: asked.now, using: &asked.random)
        else { throw Missing() }
    }

    @Test(
        "an era whose opening was not answered is claimed until it is known, and never opened twice"
    )
    func doubted() throws {
        let asked = try Asked(others: 0)
        #expect(asked.wait(.milliseconds(1), others: 0))
        asked.recorder.commandsLost()
        asked.recorder.commandsReady(reign: "reign")
        asked.now = asked.now + .seconds(1)
        var tokens: [Name] = []
        while let step = asked.recorder.next(at: asked.now, using: &asked.random) {
            if case .ask(let token) = step { tokens.append(token) }
            if case .present = step { asked.recorder.presenceConfirmed() }
        }
        #expect(tokens.count == 1 && tokens != [asked.token])
        #expect(asked.recorder.presence.has(.claim(asked.token)))
        asked.hear(.mark(token: asked.token, by: Self.me))
        asked.beCounted()
        #expect(asked.recorder.naming?.era == asked.token)
        #expect(!asked.recorder.presence.has(.claim(asked.token)))
    }

    @Test("an era that says more than is still held is not taken up")
    func letGo() throws {
        let asked = try Asked(others: 0)
        #expect(asked.wait(.milliseconds(1), others: 0))
        asked.now = asked.now + .milliseconds(1)
        asked.isStamped(8)
        asked.hear(.mark(token: asked.token, by: Self.me))
        #expect(asked.recorder.standing == .lost(kept: nil))
    }

    @Test(
        "what has names goes out under them when the subscription breaks, though it was not counted yet"
    )
    func tail() throws {
        let asked = try Asked(others: 1)
        asked.hear(.at(token: asked.token, era: Self.name("era"), ordinal: 7, last: 7))
        let hasRoom = asked.recorder.hear(
            QueuedEvent(job: nil, event: nil, heardAt: asked.now.nanoseconds))
        asked.recorder.subscriptionLost()
        var sent: [Int64] = []
        while let step = asked.recorder.next(at: asked.now, using: &asked.random) {
            if case .record(let call) = step, call.isTail { sent.append(call.first) }
        }
        #expect(hasRoom && sent == [8])
    }

    @Test("one that left what comes next to others, and sees nobody record it, asks again itself")
    func leavesOthersWaiting() throws {
        let asked = try Asked(others: 1)
        let hasRoom = asked.recorder.hear(
            QueuedEvent(job: nil, event: nil, heardAt: asked.now.nanoseconds))
        asked.isStamped(7)
        asked.hear(.at(token: asked.token, era: Self.name("era"), ordinal: 7, last: 7))
        asked.beCounted()
        #expect(hasRoom && asked.recorder.isAligned)
        asked.hear(
            .where(
                token: Self.name("wanted"), by: Self.other, Expected(era: Self.name("era"), last: 7)
            ))
        _ = asked.wait(.milliseconds(1_900))
        #expect(asked.recorder.isAligned, "the others may be a little late")
        _ = asked.wait(.milliseconds(100))
        #expect(!asked.recorder.isAligned)
        _ = asked.wait(.milliseconds(1))
        #expect(asked.recorder.asking != nil)
    }

    /// Aligned in an era with seven ordinals.
    private func aligned() throws -> Asked {
        let asked = try Asked(others: 1)
        asked.hear(.at(token: asked.token, era: Self.name("era"), ordinal: 7, last: 7))
        asked.beCounted()
        return asked
    }

    private struct Missing: Error {}
}

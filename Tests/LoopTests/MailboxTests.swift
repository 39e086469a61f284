// Mailboxes, threads and signals: everything that reaches a loop from outside.

import CLinux
import Testing

@testable import Loop

@Suite("Mailbox")
struct MailboxTests {
    @Test("four threads post, nothing is lost, and each thread's messages stay in order")
    func fourThreads() throws {
        let (threads, each) = (4, 20_000)
        let loop = try Loop()
        let mailbox = try Mailbox<(Int, Int)>()
        var next = Array(repeating: 0, count: threads)
        var isInOrder = true
        try loop.attach(mailbox) { thread, number in
            isInOrder = isInOrder && next[thread] == number
            next[thread] += 1
            if next.allSatisfy({ $0 == each }) { loop.stop() }
        }
        let posters = try (0..<threads).map { thread in
            try LoopThread.start(name: "poster") {
                for number in 0..<each { mailbox.post((thread, number)) }
            }
        }
        loop.runInTime()
        for poster in posters { poster.join() }
        #expect(next == Array(repeating: each, count: threads))
        #expect(isInOrder)
    }

    @Test("a burst of posts costs one wake")
    func oneWake() throws {
        let mailbox = try Mailbox<Int>()
        for number in 0..<1000 { mailbox.post(number) }
        var wakes: UInt64 = 0
        #expect(unsafe read(mailbox.descriptor.raw, &wakes, 8) == 8)
        #expect(wakes == 1)
        var batch: [Int] = []
        mailbox.take(&batch)
        #expect(batch == Array(0..<1000))
    }

    @Test("a message posted by a receiver comes in the next tick, and wakes the loop for it")
    func postFromReceiver() throws {
        let loop = try Loop()
        let mailbox = try Mailbox<Int>()
        var ticks = 0
        var seen: [Int] = []
        loop.afterFlush = { ticks += 1 }
        try loop.attach(mailbox) { message in
            seen.append(ticks)
            if message == 0 { loop.stop() } else { mailbox.post(message - 1) }
        }
        mailbox.post(3)
        loop.runInTime()
        #expect(seen == [0, 1, 2, 3])
    }

    @Test("a thread has its name, and is over when it was joined")
    func thread() throws {
        let names = try Mailbox<String>()
        try LoopThread.start(name: "a name that is too long") {
            var name = [CChar](repeating: 0, count: 16)
            _ = unsafe linux_thread_name(&name)
            let bytes = name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            names.post(String(decoding: bytes, as: UTF8.self))
        }.join()
        var batch: [String] = []
        names.take(&batch)
        #expect(batch == ["a name that is "])
    }

    @Test("a signal arrives as an event of the loop")
    func signal() throws {
        let signals = try Mailbox<Int32>()
        try LoopThread.start(name: "signals") {
            do {
                let loop = try Loop()
                try loop.onSignals([SIGUSR1, SIGUSR2]) { signal, _ in
                    signals.post(signal)
                    if signal == SIGUSR2 { loop.stop() }
                }
                _ = loop.arm(Alarm { _ in pthread_kill(pthread_self(), SIGUSR1) }, after: .zero)
                _ = loop.arm(
                    Alarm { _ in pthread_kill(pthread_self(), SIGUSR2) }, after: .milliseconds(30))
                loop.runInTime()
            } catch {
                Issue.record(error)
            }
        }.join()
        var batch: [Int32] = []
        signals.take(&batch)
        #expect(batch == [SIGUSR1, SIGUSR2])
    }
}

// A stream delivers every byte in order, however it is cut on the way, and ends once.

import Bytes
import Testing

@testable import Loop

@Suite("Stream")
struct StreamTests {
    @Test("what came while a tick took long is heard before a timer that is due by then")
    func bytesFirst() throws {
        let loop = try Loop()
        var order: [String] = []
        let (left, right) = (Actor(), Actor())
        right.onBytes = { _, _ in order.append("bytes") }
        let (sender, _) = try loop.pair(left, right)
        let due = Alarm { _ in
            order.append("timer")
            loop.stop()
        }
        let long = Alarm { _ in
            sender.send(shared("x"))
            _ = loop.arm(due, after: .milliseconds(20))
            let end = Instant.now() + .milliseconds(40)
            while .now() < end {}
        }
        _ = loop.arm(long, after: .zero)
        loop.runInTime()
        #expect(order == ["bytes", "timer"])
    }

    @Test(
        "an echo over TCP brings back what was sent, for pieces of every size around the buffers",
        arguments: [1, 2, 100, 4_095, 4_096, 65_535, 65_536, 65_537, 300_000])
    func echo(size: Int) throws {
        let loop = try Loop()
        let echo = Actor()
        echo.onBytes = { stream, lent in stream.send(SharedBytes(lent)) }
        let endpoint = try loop.listenOnLoopback(owner: Door { $0.setOwner(echo) })
        let sent = pattern(size)
        let client = Actor()
        client.onBytes = { [unowned client] stream, _ in
            if client.bytes.count == size { stream.finish() }
        }
        client.onEnd = { _, _ in loop.stop() }
        let stream = loop.connect(to: endpoint, timeout: .seconds(5), owner: client)
        stream.send(SharedBytes(sent))
        loop.runInTime()
        #expect(client.bytes == sent)
        #expect(client.ends == [.closedByUs])
        #expect(echo.ends == [.closedByPeer])
        #expect(client.opened == 1 && echo.opened == 1)
    }

    @Test(
        "what the owner leaves comes again with more behind it, however the bytes are cut",
        arguments: [1, 2, 3, 7, 64, 1000])
    func leftovers(messageSize: Int) throws {
        let loop = try Loop()
        let sent = pattern(messageSize * 20)
        let (reader, writer) = (Actor(), Actor())
        // Consumes whole messages only.
        reader.consumes = { lent in lent.count / messageSize * messageSize }
        reader.onBytes = { [unowned reader] stream, _ in
            if reader.bytes.count == sent.count { loop.stop() }
        }
        let (_, out) = try loop.pair(reader, writer)
        out.send(SharedBytes([sent[0]]))
        var unsent = sent.dropFirst()
        var turn = 0
        loop.beforeFlush = {
            turn += 1
            out.send(SharedBytes(Array(unsent.prefix(turn % 11 + 1))))
            unsent = unsent.dropFirst(turn % 11 + 1)
        }
        loop.runInTime()
        #expect(reader.bytes == sent)
    }

    @Test("bytes that the old owner left go to the new one without more having to arrive")
    func handover() throws {
        let loop = try Loop()
        let (old, new, writer) = (Actor(), Actor(), Actor())
        old.consumes = { _ in 3 }
        old.onBytes = { stream, _ in stream.setOwner(new) }
        new.onBytes = { _, _ in loop.stop() }
        let (_, out) = try loop.pair(old, writer)
        out.send(shared("oldnew"))
        loop.runInTime()
        #expect(old.bytes == Array("old".utf8))
        #expect(new.bytes == Array("new".utf8))
        #expect(old.ends == [] && new.ends == [.closedByUs])
    }

    @Test("an owner that takes over later gets what lay unread")
    func lateHandover() throws {
        let loop = try Loop()
        let (old, new, writer) = (Actor(), Actor(), Actor())
        old.consumes = { _ in 3 }
        old.onBytes = { stream, _ in
            _ = loop.arm(Alarm { _ in stream.setOwner(new) }, after: .zero)
        }
        new.onBytes = { _, _ in loop.stop() }
        let (_, out) = try loop.pair(old, writer)
        out.send(shared("oldnew"))
        loop.runInTime()
        #expect(new.bytes == Array("new".utf8))
    }

    @Test("a paused stream hears nothing, not even of what lies unread, and all of it when resumed")
    func pause() throws {
        let loop = try Loop()
        let (reader, writer) = (Actor(), Actor())
        var isPaused = false
        reader.consumes = { _ in 1 }
        reader.onBytes = { [unowned reader] stream, lent in
            #expect(!isPaused)
            isPaused = true
            stream.pauseReading()
            reader.consumes = { $0.count }
            if reader.bytes.count == 6 { loop.stop() }
            _ = loop.arm(
                Alarm { _ in
                    isPaused = false
                    stream.resumeReading()
                }, after: .milliseconds(30))
        }
        let (_, out) = try loop.pair(reader, writer)
        out.send(shared("abc"))
        _ = loop.arm(Alarm { _ in out.send(shared("def")) }, after: .zero)
        loop.runInTime()
        #expect(reader.bytes == Array("abcdef".utf8))
    }

    @Test("a paused stream whose peer goes away costs no turns, and ends when it is resumed")
    func pausedAndGone() throws {
        let loop = try Loop()
        let (reader, writer) = (Actor(), Actor())
        reader.onEnd = { _, _ in loop.stop() }
        let (stream, out) = try loop.pair(reader, writer)
        stream.pauseReading()
        out.close()
        var ticks = 0
        loop.afterFlush = { ticks += 1 }
        _ = loop.arm(Alarm { _ in stream.resumeReading() }, after: .milliseconds(60))
        loop.runInTime()
        #expect(reader.ends == [.closedByPeer])
        #expect(ticks < 12)
    }

    @Test("a reader that is slow gets everything in order; the sender hears when it is through")
    func slowReader() throws {
        let loop = try Loop()
        let (reader, sender) = (Actor(), Actor())
        let piece = SharedBytes(pattern(10_000))
        let count = 500
        let (slow, out) = try loop.pair(reader, sender)
        slow.readBudgetBytes = 4_999
        var wasOwing = false
        for _ in 0..<count { out.send(piece) }
        #expect(out.owedBytes == count * piece.count && out.owedSince == nil)
        loop.afterFlush = { wasOwing = wasOwing || (out.owedBytes > 0 && out.owedSince != nil) }
        sender.onDrain = { [unowned sender] stream in
            #expect(stream.owedBytes == 0 && stream.owedSince == nil)
            if sender.drained == 1 { stream.finish() }
        }
        reader.onEnd = { _, _ in loop.stop() }
        loop.runInTime()
        #expect(wasOwing)
        #expect(sender.drained == 1)
        #expect(reader.bytes == Array(repeating: pattern(10_000), count: count).flatMap(\.self))
    }

    @Test("more pieces than one write may have go out in turns, in order")
    func manyPieces() throws {
        let loop = try Loop()
        let (reader, sender) = (Actor(), Actor())
        let sent = pattern(GatherList.piecesMax * 2 + 100)
        reader.onBytes = { [unowned reader] _, _ in
            if reader.bytes.count == sent.count { loop.stop() }
        }
        let (_, out) = try loop.pair(reader, sender)
        for byte in sent { out.send(SharedBytes([byte])) }
        loop.runInTime()
        #expect(reader.bytes == sent)
    }

    @Test("a peer that floods us does not delay another: it has one budget, then the other's turn")
    func fairTurns() throws {
        let loop = try Loop()
        let (flood, quiet, sender) = (Actor(), Actor(), Actor())
        var turns: [String] = []
        flood.onBytes = { _, lent in turns.append("flood \(lent.count)") }
        quiet.onBytes = { _, _ in
            turns.append("quiet")
            loop.stop()
        }
        let (flooded, out) = try loop.pair(flood, sender)
        let (_, other) = try loop.pair(quiet, sender)
        flooded.readBudgetBytes = 1000
        out.send(SharedBytes(pattern(100_000)))
        other.send(shared("!"))
        loop.runInTime()
        #expect(turns.filter { $0 == "quiet" }.count == 1)
        #expect(turns.count <= 2, "\(turns.count) turns, the budget is one each")
        #expect(turns.allSatisfy { $0 == "quiet" || $0 == "flood 1000" })
    }

    @Test("input that nobody consumes ends the stream at its limit, with a name")
    func inputTooLong() throws {
        let loop = try Loop()
        let (reader, sender) = (Actor(), Actor())
        reader.consumes = { _ in 0 }
        reader.onEnd = { _, _ in loop.stop() }
        let (stream, out) = try loop.pair(reader, sender)
        stream.inputBytesMax = 1000
        out.send(SharedBytes(pattern(1000)))
        _ = loop.arm(
            Alarm { _ in
                #expect(reader.ends == [])
                out.send(shared("!"))
            }, after: .milliseconds(20))
        loop.runInTime()
        #expect(reader.ends == [.inputTooLong])
    }

    @Test("what was sent before a close is dropped, before a finish it arrives")
    func closeAndFinish() throws {
        for finishes in [false, true] {
            let loop = try Loop()
            let (reader, sender) = (Actor(), Actor())
            reader.onEnd = { _, _ in loop.stop() }
            let (_, out) = try loop.pair(reader, sender)
            out.send(shared("last words"))
            if finishes { out.finish() } else { out.close() }
            out.send(shared("too late"))
            loop.runInTime()
            #expect(reader.bytes == (finishes ? Array("last words".utf8) : []))
            #expect(reader.ends == [.closedByPeer])
        }
    }

    @Test("a peer that never closes keeps a finished stream no longer than the linger")
    func lingerIsBounded() throws {
        var limits = LoopLimits()
        limits.lingerMax = .milliseconds(50)
        let loop = try Loop(limits: limits)
        let (stubborn, finisher) = (Actor(), Actor())
        finisher.onEnd = { _, _ in loop.stop() }
        let (mute, out) = try loop.pair(stubborn, finisher)
        mute.pauseReading()
        out.finish()
        loop.runInTime()
        #expect(finisher.ends == [.closedByUs])
    }

    @Test("a peer that never reads keeps a finished stream no longer than its time")
    func finishIsBounded() throws {
        var limits = LoopLimits()
        limits.finishMax = .milliseconds(50)
        let loop = try Loop(limits: limits)
        let (stubborn, finisher) = (Actor(), Actor())
        finisher.onEnd = { _, _ in loop.stop() }
        let (mute, out) = try loop.pair(stubborn, finisher)
        mute.pauseReading()
        out.send(SharedBytes(pattern(8_000_000)))
        out.finish()
        loop.runInTime()
        #expect(finisher.ends == [.timedOut])
    }

    @Test(
        "a stream that is closed in any callback hears of its end once, and of nothing else",
        arguments: ["open", "bytes", "drain", "end"])
    func closeInCallback(callback: String) throws {
        let loop = try Loop()
        let (peer, closer) = (Actor(), Actor())
        var isInside = false
        func close(_ stream: Stream) {
            isInside = true
            stream.close()
            stream.close()
            stream.finish()
            stream.send(shared("no more"))
            stream.pauseReading()
            stream.resumeReading()
            isInside = false
        }
        closer.onEnd = { stream, _ in
            #expect(!isInside)
            if callback == "end" { close(stream) }
            // Long enough for anything that should not come any more.
            _ = loop.arm(Alarm { _ in loop.stop() }, after: .milliseconds(30))
        }
        switch callback {
        case "open": closer.onOpen = close
        case "bytes": closer.onBytes = { stream, _ in close(stream) }
        case "drain": closer.onDrain = close
        default: closer.onBytes = { stream, _ in stream.close() }
        }
        closer.consumes = { _ in 1 }
        let (other, stream) = try loop.pair(peer, closer)
        if callback == "drain" { stream.send(SharedBytes(pattern(2_000_000))) }
        if callback != "drain" { other.send(shared("abc")) }
        loop.runInTime()
        #expect(closer.ends == [.closedByUs])
        #expect(closer.bytes.count <= 1)
        #expect(peer.ends.count == 1)
    }

    @Test("closing another stream in a callback silences that one too, in the same tick")
    func closeTheOther() throws {
        let loop = try Loop()
        let (first, second, sender) = (Actor(), Actor(), Actor())
        let (one, toOne) = try loop.pair(first, sender)
        let (two, toTwo) = try loop.pair(second, sender)
        first.onBytes = { _, _ in two.close() }
        second.onBytes = { _, _ in one.close() }
        second.onEnd = { _, _ in loop.stop() }
        first.onEnd = { _, _ in loop.stop() }
        toOne.send(shared("a"))
        toTwo.send(shared("b"))
        loop.runInTime()
        #expect(first.bytes.count + second.bytes.count == 1)
        #expect(first.ends.count == 1 && second.ends.count == 1)
    }

    @Test("when the loop stops, every stream ends and its owner is told")
    func stop() throws {
        let loop = try Loop()
        let (left, right, waiting) = (Actor(), Actor(), Actor())
        _ = try loop.pair(left, right)
        let door = Door { _ in }
        let endpoint = try loop.listenOnLoopback(owner: door)
        _ = loop.connect(to: endpoint, timeout: .seconds(5), owner: waiting)
        loop.stop()
        loop.run()
        #expect(left.ends == [.closedByUs])
        #expect(right.ends == [.closedByUs])
        #expect(waiting.ends.count == 1)
    }

    @Test("a stopped loop and its streams leave memory")
    func leavesMemory() throws {
        weak var gone: Loop?
        weak var goneStream: Stream?
        do {
            let loop = try Loop()
            gone = loop
            let (left, right) = (Actor(), Actor())
            let (stream, _) = try loop.pair(left, right)
            goneStream = stream
            _ = loop.arm(Alarm { _ in }, after: .seconds(100))
            loop.stop()
            loop.run()
        }
        #expect(gone == nil)
        #expect(goneStream == nil)
    }
}

// A stream delivers every byte in order, however it is cut on the way, and ends once.

import Bytes
import Testing

@testable import Loop

@Suite("Stream")
struct StreamTests {
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
}

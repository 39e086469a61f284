// An idle connection has a bar of 1 KB (benchmarks, case C), and most of it are these objects.

import Support
import Testing

@testable import Hub
@testable import Loop
@testable import Server

@Suite("Memory")
struct MemoryTests {
    private final class Known { var number = 0 }

    /// malloc hands out 8 bytes less than a multiple of 16: one byte more here costs each client 16.
    @Test(
        "what each client has an object of is no larger than it was",
        arguments: [
            (Session.self, 200), (HTTPConnection.self, 88), (Caller.self, 88), (Stream.self, 200),
            (Topic.self, 216),
        ] as [(AnyClass, Int)])
    func objects(type: AnyClass, bytesMax: Int) {
        #expect(instanceBytes(of: Known.self) == 24)
        #expect(instanceBytes(of: type) <= bytesMax, "\(type)")
    }
}

// Bytes that are written once and then shared, without a copy, by every ring, outbox and loop.
//
// Invariant: nobody writes to the memory after `init` returns, so sharing between threads is sound.

@safe
public struct SharedBytes: @unchecked Sendable {
    /// The count and, behind it, the bytes: one allocation for both.
    let memory: ManagedBuffer<Int, UInt8>

    /// Lets `fill` write up to `capacity` bytes; what it wrote is the content.
    public init(capacity: Int, _ fill: (inout OutputSpan<UInt8>) -> Void) {
        memory = .create(minimumCapacity: capacity) { _ in 0 }
        let buffer = unsafe UnsafeMutableBufferPointer(start: base, count: capacity)
        var output = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        fill(&output)
        memory.header = unsafe output.finalize(for: buffer)
    }

    public init(_ bytes: [UInt8]) { self.init(bytes.span) }

    public init(_ bytes: Span<UInt8>) {
        self.init(capacity: bytes.count) { $0.append(copying: bytes) }
    }

    /// The parts, one behind the other.
    public init(joining parts: ArraySlice<SharedBytes>, count: Int) {
        self.init(capacity: count) { output in
            for part in parts { output.append(copying: part.span) }
        }
    }

    public var count: Int { memory.header }

    /// For the gather write, which hands pointers to the kernel. Alive as long as `self` is: what
    /// lies behind an object's header never moves.
    @unsafe public var base: UnsafeMutablePointer<UInt8> {
        unsafe memory.withUnsafeMutablePointerToElements { unsafe $0 }
    }

    public var span: Span<UInt8> {
        @_lifetime(borrow self) get {
            let span = unsafe Span(_unsafeStart: UnsafePointer(base), count: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }
}

extension OutputSpan<UInt8> {
    /// At once, where the standard library would have us append byte by byte.
    public mutating func append(copying source: Span<UInt8>) {
        // Sound: the room that is left is checked, and the new count covers just what was copied.
        unsafe withUnsafeMutableBufferPointer { buffer, initialized in
            unsafe source.withUnsafeBufferPointer { bytes in
                precondition(bytes.count <= buffer.count - initialized, "no room is left")
                guard let from = bytes.baseAddress, let to = buffer.baseAddress else { return }
                unsafe (to + initialized).initialize(from: from, count: bytes.count)
                initialized += bytes.count
            }
        }
    }
}

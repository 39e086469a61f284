// Eight bytes in one step: the scans that touch every byte a client sends.
//
// This file and Zlib.swift are where Wire is unsafe. Every load goes through `RawSpan`'s checked
// offset, every copy is bounded by a precondition that stays in release, and integers have no bit
// pattern that could be wrong.

import Bytes

extension Span<UInt8> {
    /// The eight bytes from `index` on, the first of them in the lowest bits.
    @inline(__always)
    func word(at index: Int) -> UInt64 {
        // Sound: `unsafeLoadUnaligned(fromByteOffset:)` checks its bounds and any bits are a UInt64.
        UInt64(
            littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// As `spells(_:in:)`, for a name known when we are built: no String on the way.
    @inline(__always)
    func spells(literal name: StaticString, in range: Range<Int>) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        // Sound: a literal of more than one character has a pointer and lives for ever.
        let letters = unsafe UnsafeBufferPointer(start: name.utf8Start, count: range.count)
        for offset in 0..<range.count
        where unsafe ASCII.lowercased(self[range.lowerBound &+ offset]) != letters[offset] {
            return false
        }
        return true
    }

    /// The first index from `start` on whose byte `marks` marks, or `count` where none is.
    /// `marks` sets the top bit of each byte it means; above the lowest it may mark too many.
    @inline(__always)
    func firstIndex(from start: Int, marked marks: (UInt64) -> UInt64) -> Int {
        var index = start
        while index <= count &- 8 {
            let found = marks(word(at: index))
            if found != 0 { return index &+ found.trailingZeroBitCount / 8 }
            index &+= 8
        }
        while index < count {
            if marks(UInt64(self[index]) | Words.fill) & 0x80 != 0 { return index }
            index &+= 1
        }
        return count
    }
}

extension OutputSpan<UInt8> {
    /// Appends the bytes of `literal`, which must fit.
    @inline(__always)
    mutating func append(literal: StaticString) {
        precondition(literal.utf8CodeUnitCount <= freeCapacity)
        // Sound: a literal of more than one character has a pointer and lives for ever.
        let source = unsafe UnsafeBufferPointer(
            start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        append(copying: unsafe source.span)
    }

    /// Appends `source`, which must fit, each byte xor the one of `key` whose turn it is.
    mutating func append(_ source: Span<UInt8>, unmaskedBy key: UInt32) {
        precondition(source.count <= freeCapacity)
        let wide = UInt64(key) | UInt64(key) << 32
        let wholeWords = source.count & ~7
        // Sound: as above; each store lies below `count + source.count`, which fits.
        unsafe withUnsafeMutableBufferPointer { buffer, count in
            guard let base = buffer.baseAddress else { return }
            let to = unsafe UnsafeMutableRawPointer(base + count)
            for index in stride(from: 0, to: wholeWords, by: 8) {
                let word = (source.word(at: index) ^ wide).littleEndian
                unsafe to.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            }
            for index in wholeWords..<source.count {
                let byte = source[index] ^ UInt8(truncatingIfNeeded: wide >> (8 * (index & 7)))
                unsafe to.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            count &+= source.count
        }
    }
}

extension String {
    /// The text `bytes` are; what is not UTF-8 becomes U+FFFD.
    init(copying bytes: Span<UInt8>) {
        // Sound: the pointer does not leave the closure.
        self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

/// Marks for `firstIndex(from:marked:)`.
enum Words {
    static let ones: UInt64 = 0x0101_0101_0101_0101
    static let tops: UInt64 = 0x8080_8080_8080_8080
    /// Seven letters above a single byte, which no mark here means.
    static let fill: UInt64 = 0x4141_4141_4141_4100

    @inline(__always)
    static func below(_ limit: UInt8, _ word: UInt64) -> UInt64 {
        (word &- ones &* UInt64(limit)) & ~word & tops
    }

    @inline(__always)
    static func equal(_ byte: UInt8, _ word: UInt64) -> UInt64 {
        below(1, word ^ (ones &* UInt64(byte)))
    }

    /// Bytes that are neither letter nor hyphen: where a usual header's name ends.
    @inline(__always)
    static func notLetterNorHyphen(_ word: UInt64) -> UInt64 {
        let low = (word | ones &* 0x20) & ~tops
        // Each sum stays within its byte: 7F + 1F is below 100.
        let letters = (low &+ ones &* 0x1F) & ~(low &+ ones &* 0x05)
        // `equal` would mark a byte too many above a hyphen; here that byte would pass unseen.
        let others = word ^ (ones &* UInt64(UInt8(ascii: "-")))
        let notHyphens = ((others & ~tops) &+ ~tops) | others
        return (~letters & notHyphens | word) & tops
    }

    @inline(__always)
    static func notASCII(_ word: UInt64) -> UInt64 { word & tops }
}

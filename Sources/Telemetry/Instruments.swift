// The things that count. One loop's thread writes each of them and any thread reads it, so a
// relaxed load and store is enough: no lock prefix, no read-modify-write.
//
// Invariant: a counter and a histogram's buckets never go back. Writing from two threads would lose
// counts, nothing worse; blocks keep loops apart.

import Synchronization

public struct Counter: ~Copyable, Sendable {
    private let count = Atomic<UInt64>(0)

    public init() {}
    public func add(_ n: Int = 1) { store(count.load(ordering: .relaxed) &+ UInt64(clamping: n)) }
    public var value: UInt64 { count.load(ordering: .relaxed) }
    private func store(_ value: UInt64) { count.store(value, ordering: .relaxed) }
}

public struct Gauge: ~Copyable, Sendable {
    private let level = Atomic<Int64>(0)

    public init() {}
    public func add(_ n: Int) { set(value &+ n) }
    public func set(_ value: Int) { level.store(Int64(value), ordering: .relaxed) }
    public var value: Int { Int(level.load(ordering: .relaxed)) }
}

/// The values one label may have. Closed, so that no client can make the list of series grow.
public protocol MetricLabel: CaseIterable, RawRepresentable<Int>, Sendable {
    static var label: StaticString { get }
    /// What stands in the text.
    var word: String { get }
}

extension MetricLabel {
    /// `slowConsumer` is `slow_consumer` in the text, `notUTF8` is `not_utf8`.
    public var word: String {
        var (word, wasUpper) = ("", false)
        for letter in String(describing: self) {
            if letter.isUppercase, !wasUpper { word += "_" }
            word += letter.lowercased()
            wasUpper = letter.isUppercase
        }
        return word
    }
}

/// One counter for each value of a label.
public struct LabelledCounter<Label: MetricLabel>: ~Copyable, Sendable {
    private let counts = InlineArray<32, Counter> { _ in Counter() }

    public init() { precondition(Label.allCases.count <= 32) }
    public func add(_ label: Label, _ n: Int = 1) { counts[label.rawValue].add(n) }
    public subscript(label: Label) -> UInt64 { counts[label.rawValue].value }
}

/// How long things took, in buckets whose bounds are fixed when the program is built.
public struct Histogram: ~Copyable, Sendable {
    /// Upper bounds in nanoseconds: 25 µs to 10 s.
    static let bounds: InlineArray<18, Int64> = [
        25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000,
        250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
    ]
    /// The last one is for all that took longer.
    private let buckets = InlineArray<19, Counter> { _ in Counter() }
    private let nanoseconds = Counter()

    public init() {}

    /// `times` sockets may have waited equally long; they count as that many observations.
    public func observe(nanoseconds took: Int64, times: Int = 1) {
        var index = 0
        while index < Self.bounds.count, took > Self.bounds[index] { index += 1 }
        buckets[index].add(times)
        let (sum, overflow) = Int(max(took, 0)).multipliedReportingOverflow(by: times)
        nanoseconds.add(overflow ? Int.max : sum)
    }

    func bucket(_ index: Int) -> UInt64 { buckets[index].value }
    var sumNanoseconds: UInt64 { nanoseconds.value }
}

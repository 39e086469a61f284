// The log: the event first, then key=value. error = wake someone, warning = look today, info =
// lifecycle, debug = per connection, trace = per message.
//
// Invariant: one call is one line of at most `Log.lineBytesMax` bytes. The event and the keys are
// ours (StaticString); values may be hostile and are escaped, so none can forge a line or a field.

public struct Log: Sendable {
    /// PIPE_BUF: a pipe takes a line of this size whole or not at all.
    public static let lineBytesMax = 4_096
    public static let valueScalarsMax = 512

    public enum Level: String, CaseIterable, Comparable, Sendable {
        case error, warning, info, debug, trace

        private var rank: Int {
            switch self {
            case .error: 0
            case .warning: 1
            case .info: 2
            case .debug: 3
            case .trace: 4
            }
        }
        public static func < (first: Level, second: Level) -> Bool { first.rank < second.rank }
    }

    public enum Format: String, CaseIterable, Sendable { case text, json }

    public typealias Fields = KeyValuePairs<StaticString, LogValue>

    public let level: Level
    private let format: Format
    private let clock: @Sendable () -> Int64
    private let write: @Sendable ([UInt8]) -> Void
    /// How many lines were lost since it was last asked.
    public let takeLost: @Sendable () -> Int

    /// `clock` gives milliseconds since 1970; `write` takes one line with its newline.
    public init(
        level: Level, format: Format, clock: @escaping @Sendable () -> Int64,
        write: @escaping @Sendable ([UInt8]) -> Void,
        takeLost: @escaping @Sendable () -> Int = { 0 }
    ) {
        (self.level, self.format, self.clock, self.write) = (level, format, clock, write)
        self.takeLost = takeLost
    }

    public func error(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        line(.error, event, fields)
    }

    public func warning(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        line(.warning, event, fields)
    }

    public func info(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        line(.info, event, fields)
    }

    public func debug(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        line(.debug, event, fields)
    }

    public func trace(_ event: StaticString, _ fields: @autoclosure () -> Fields = [:]) {
        line(.trace, event, fields)
    }

    /// For those who hold a level as a value. What is not logged is not even built.
    public func line(_ level: Level, _ event: StaticString, _ fields: () -> Fields) {
        guard level <= self.level else { return }
        let time = timestamp(milliseconds: clock())
        switch format {
        case .text: write(textLine(time, level, event, fields()))
        case .json: write(jsonLine(time, level, event, fields()))
        }
    }
}

/// What may stand behind a key. There is no case for a secret.
public enum LogValue: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    /// Shown in milliseconds.
    case duration(Duration)

    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .flag(value) }

    /// For errors and enums, by their description.
    public static func word(_ value: some CustomStringConvertible) -> Self {
        .text(value.description)
    }
}

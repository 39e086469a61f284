// WallTime is what a calendar shows: milliseconds since 1970, UTC. It orders nothing and measures
// nothing (Loop's Instant does); it is read and written as RFC 3339.

public struct WallTime: Hashable, Sendable, CustomStringConvertible {
    public let milliseconds: Int64

    /// Kept within the years 0000 to 9999, which are all that RFC 3339 can write.
    public init(milliseconds: Int64) {
        self.milliseconds = min(max(milliseconds, Self.first), Self.last)
    }

    /// `2025-01-06T12:00:01.000Z`
    public var description: String {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the 24 bytes of `description`.
    public func append(to bytes: inout [UInt8]) {
        let ofDay = Int(milliseconds.modulo(Self.perDay))
        let (year, month, day) = Self.date(days: milliseconds.floored(by: Self.perDay))
        let start = bytes.count
        bytes.append(contentsOf: Self.form)
        bytes.put(year, at: start, places: 4)
        bytes.put(month, at: start + 5, places: 2)
        bytes.put(day, at: start + 8, places: 2)
        bytes.put(ofDay / 3_600_000, at: start + 11, places: 2)
        bytes.put(ofDay / 60_000 % 60, at: start + 14, places: 2)
        bytes.put(ofDay / 1_000 % 60, at: start + 17, places: 2)
        bytes.put(ofDay % 1_000, at: start + 20, places: 3)
    }

    /// Reads RFC 3339 and its common relatives: a space for the `T`, any number of decimals, and no
    /// zone, which means UTC. nil for anything else.
    public init?(reading text: Span<UInt8>) {
        guard text.count >= 19, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] | 0x20 == UInt8(ascii: "t") || text[10] == UInt8(ascii: " "),
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let century = text.digits(at: 0), let ofCentury = text.digits(at: 2),
            let month = text.digits(at: 5), let day = text.digits(at: 8),
            let hour = text.digits(at: 11), let minute = text.digits(at: 14),
            let second = text.digits(at: 17), case let year = century * 100 + ofCentury,
            1...12 ~= month, 1...Self.days(in: month, of: year) ~= day,
            hour < 24, minute < 60, second <= 60
        else { return nil }

        var at = 19
        var fraction = 0
        if at < text.count, text[at] == UInt8(ascii: ".") || text[at] == UInt8(ascii: ",") {
            at += 1
            var scale = 100
            let start = at
            while at < text.count, text[at].isDigit {
                fraction += Int(text[at] - UInt8(ascii: "0")) * scale
                scale /= 10
                at += 1
            }
            guard at > start else { return nil }
        }
        guard let offset = Self.offset(text, from: at) else { return nil }
        let minutes = (Self.days(year, month, day) * 24 + hour) * 60 + minute - offset
        self.init(milliseconds: Int64(minutes * 60_000 + second * 1_000 + fraction))
    }

    /// What a number in a `timestamp` means: seconds (Python) or milliseconds (JavaScript).
    public init?(epoch number: Double) {
        guard number.isFinite, number >= 0 else { return nil }
        let milliseconds = number < 1e11 ? number * 1_000 : number
        guard milliseconds <= Double(Self.last) else { return nil }
        self.init(milliseconds: Int64(milliseconds))
    }

    /// Minutes east of UTC.
    private static func offset(_ text: Span<UInt8>, from at: Int) -> Int? {
        guard at < text.count else { return 0 }
        switch text[at] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return at + 1 == text.count ? 0 : nil
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            let minutesAt =
                text.count == at + 6 && text[at + 3] == UInt8(ascii: ":") ? at + 4 : at + 3
            guard minutesAt + 2 == text.count, let hours = text.digits(at: at + 1),
                let minutes = text.digits(at: minutesAt), hours < 24, minutes < 60
            else { return nil }
            return (hours * 60 + minutes) * (text[at] == UInt8(ascii: "-") ? -1 : 1)
        default: return nil
        }
    }

    private static let form = Array("0000-00-00T00:00:00.000Z".utf8)
    private static let perDay: Int64 = 86_400_000
    private static let first: Int64 = -62_167_219_200_000
    private static let last: Int64 = 253_402_300_799_999
}

// The calendar, in years that begin with March, so that the leap day is a year's last.
extension WallTime {
    private static let daysPer400Years = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysTo1970 = 719_468

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = Int(Int64(year).floored(by: 400))
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * daysPer400Years + dayOfEra - daysTo1970
    }

    private static func date(days: Int64) -> (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + daysTo1970
        let era = Int(Int64(shifted).floored(by: Int64(daysPer400Years)))
        let dayOfEra = shifted - era * daysPer400Years
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    fileprivate func floored(by divisor: Int64) -> Int64 { (self - modulo(divisor)) / divisor }
    fileprivate func modulo(_ divisor: Int64) -> Int64 {
        let rest = self % divisor
        return rest < 0 ? rest + divisor : rest
    }
}

extension [UInt8] {
    /// Writes `value` over as many bytes as `places` says.
    fileprivate mutating func put(_ value: Int, at: Int, places: Int) {
        var rest = value
        for place in stride(from: at + places - 1, through: at, by: -1) {
            self[place] = UInt8(truncatingIfNeeded: 48 + rest % 10)
            rest /= 10
        }
    }
}

extension Span<UInt8> {
    /// The number that the two digits there are.
    @inline(__always)
    fileprivate func digits(at: Int) -> Int? {
        guard at + 2 <= count else { return nil }
        let (tens, ones) = (self[at] &- UInt8(ascii: "0"), self[at + 1] &- UInt8(ascii: "0"))
        return tens < 10 && ones < 10 ? Int(tens &* 10 &+ ones) : nil
    }
}

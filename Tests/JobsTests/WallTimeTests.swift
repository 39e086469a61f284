// Times are written as RFC 3339 and read in the spellings that workers use.

import Jobs
import Testing

@Suite("WallTime")
struct WallTimeTests {
    @Test(
        "writes UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_736_164_801_007, "2025-01-06T12:00:01.007Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (.max, "9999-12-31T23:59:59.999Z"), (.min, "0000-01-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func written(milliseconds: Int64, text: String) {
        #expect(WallTime(milliseconds: milliseconds).description == text)
    }

    @Test("counts every day of 800 years as a calendar does, and reads it back")
    func calendar() {
        var (year, month, day) = (1600, 1, 1)
        for days in -135_140..<157_054 {
            let time = WallTime(milliseconds: Int64(days) * 86_400_000 + 43_200_001)
            let text = time.description
            let expected = "\(year)-\(two(month))-\(two(day))T12:00:00.001Z"
            guard text == expected, read(text) == time.milliseconds else {
                Issue.record("\(text), expected \(expected)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let last = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            day += 1
            if day > last { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect((year, month, day) == (2400, 1, 1))
    }

    @Test(
        "reads what workers write",
        arguments: [
            ("2025-01-06T12:00:01Z", 1_736_164_801_000), ("2025-01-06 12:00:01", 1_736_164_801_000),
            ("2025-01-06t12:00:01.5z", 1_736_164_801_500),
            ("2025-01-06T12:00:01.123456", 1_736_164_801_123),
            ("2025-01-06T12:00:01.123456789+00:00", 1_736_164_801_123),
            ("2025-01-06T14:00:01+02:00", 1_736_164_801_000),
            ("2025-01-06T06:30:01.000-0530", 1_736_164_801_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] as [(String, Int64)])
    func spellings(text: String, milliseconds: Int64) {
        #expect(read(text) == milliseconds)
    }

    @Test(
        "does not take for a time what is none",
        arguments: [
            "", "now", "2025-01-06", "2025-13-06T12:00:01Z", "2025-02-29T12:00:01Z",
            "2025-01-00T12:00:01Z", "2025-01-06T24:00:01Z", "2025-01-06T12:60:01Z",
            "2025-01-06T12:00:61Z", "2025-01-06T12:00:01.Z", "2025-01-06T12:00:01Zulu",
            "2025-01-06T12:00:01+", "2025-01-06T12:00:01+2", "2025-01-06T12:00:01+02:0",
            "2025-01-06T12:00:01+25:00", "2025-01-06x12:00:01Z", "2025/01/06T12:00:01Z",
            "٢٠٢٥-01-06T12:00:01Z", "2025-01-06T12:00:01 UTC",
        ])
    func notTimes(text: String) { #expect(read(text) == nil) }

    @Test("a number is seconds or milliseconds, by its size")
    func numbers() {
        #expect(WallTime(epoch: 1_703_456_789)?.milliseconds == 1_703_456_789_000)
        #expect(WallTime(epoch: 1_703_456_789.25)?.milliseconds == 1_703_456_789_250)
        #expect(WallTime(epoch: 1_703_456_789_123)?.milliseconds == 1_703_456_789_123)
        for odd in [-1, .nan, .infinity, 1e300] { #expect(WallTime(epoch: odd) == nil) }
    }

    private func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private func read(_ text: String) -> Int64? {
        WallTime(reading: Array(text.utf8).span)?.milliseconds
    }
}

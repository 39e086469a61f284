// When key sets are read again, with a clock that the test turns.

import Testing

@testable import Tokens

@Suite("Refreshing key sets")
struct RefreshScheduleTests {
    private func schedule(_ interval: Int64 = 900_000) -> RefreshSchedule {
        RefreshSchedule(interval: interval, now: 0, isRead: false)
    }

    private func expect(
        _ schedule: inout RefreshSchedule, begins isExpected: Bool, at now: Int64,
        place: SourceLocation = #_sourceLocation
    ) {
        let begins = schedule.begin(now: now)
        #expect(begins == isExpected, sourceLocation: place)
    }

    @Test("the first reading is at once, and the next an interval after it ended")
    func interval() {
        var schedule = schedule()
        #expect(schedule.wait(now: 0) == 0)
        expect(&schedule, begins: true, at: 0)
        expect(&schedule, begins: false, at: 0)
        #expect(schedule.wait(now: 0) == nil, "one at a time")
        schedule.succeeded(now: 500, maxAge: nil)
        #expect(schedule.wait(now: 500) == 900_000)
        expect(&schedule, begins: false, at: 900_499)
        expect(&schedule, begins: true, at: 900_500)
        #expect(RefreshSchedule(interval: 900_000, now: 5, isRead: true).wait(now: 5) == 900_000)
    }

    @Test(
        "the source may say how long its set holds, within bounds",
        arguments: [
            (nil, 100_000), (0, 10_000), (9, 10_000), (10, 10_000), (55, 55_000), (100, 100_000),
            (999, 999_000), (1_000, 1_000_000), (1_001, 1_000_000), (Int64.max, 1_000_000),
        ] as [(Int64?, Int64)])
    func maxAge(seconds: Int64?, wait: Int64) {
        var schedule = schedule(100_000)
        expect(&schedule, begins: true, at: 0)
        schedule.succeeded(now: 0, maxAge: seconds)
        #expect(schedule.wait(now: 0) == wait)
    }

    @Test("after failures it is tried again, less and less often, and as before after a success")
    func failures() {
        var schedule = schedule()
        var waits: [Int64] = []
        for _ in 0..<12 {
            expect(&schedule, begins: true, at: .max)
            schedule.failed(now: 0)
            waits.append(schedule.wait(now: 0) ?? -1)
        }
        #expect(Array(waits.prefix(7)) == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000])
        #expect(waits.allSatisfy { $0 <= 60_000 })
        expect(&schedule, begins: true, at: .max)
        schedule.succeeded(now: 0, maxAge: nil)
        expect(&schedule, begins: true, at: .max)
        schedule.failed(now: 0)
        #expect(schedule.wait(now: 0) == 1_000)
    }

    @Test("for a key that is not here it reads at once, and then not within a minute")
    func asks() {
        var schedule = schedule()
        expect(&schedule, begins: true, at: 0)
        schedule.succeeded(now: 0, maxAge: nil)
        schedule.ask(now: 1_000)
        expect(&schedule, begins: true, at: 1_000)
        schedule.succeeded(now: 1_000, maxAge: nil)
        for now in stride(from: 1_000, to: 61_000, by: 1_000) as StrideTo<Int64> {
            schedule.ask(now: now)
            expect(&schedule, begins: false, at: now)
        }
        schedule.ask(now: 61_000)
        expect(&schedule, begins: true, at: 61_000)
    }

    @Test("what is asked while a reading is underway is read after it")
    func askedWhileReading() {
        var schedule = schedule()
        expect(&schedule, begins: true, at: 0)
        schedule.ask(now: 1)
        expect(&schedule, begins: false, at: 1)
        schedule.succeeded(now: 2, maxAge: nil)
        expect(&schedule, begins: true, at: 2)
        schedule.succeeded(now: 3, maxAge: nil)
        #expect(schedule.wait(now: 3) == 900_000)
    }

    @Test(
        "Cache-Control says how long, or not to keep it",
        arguments: [
            ("max-age=60", 60), ("public, max-age=21600, must-revalidate", 21_600),
            ("Max-Age=5", 5), ("no-store", 0), ("max-age=60, no-cache", 0), ("max-age=-5", 0),
            ("max-age=", nil), ("max-age=x", nil), ("", nil), ("s-maxage=60", nil),
            ("max-age=99999999999999999999", nil),
        ] as [(String, Int64?)])
    func cacheControl(header: String, age: Int64?) {
        #expect(CacheControl.maxAge(header) == age)
    }

    @Test(
        "keys are fetched by https, and by http from this machine",
        arguments: [
            ("https://a.example/keys", true, true), ("http://a.example/keys", false, true),
            ("http://127.0.0.1:8000/keys", true, true), ("http://localhost/keys", true, true),
            ("http://[::1]:80/", true, true), ("http://127.0.0.1@a.example/", false, true),
            ("http://127.0.0.1.a.example/", false, true),
            ("http://localhost.a.example/", false, true),
            ("file:///etc/passwd", false, false), ("ftp://a.example/k", false, false),
            ("gopher://127.0.0.1/", false, false), ("://", false, false),
            ("https://", false, false),
            ("HTTPS://a.example/", true, true),
        ])
    func addresses(url: String, isAllowed: Bool, isAllowedWithHTTP: Bool) {
        var options = FetchOptions()
        #expect(options.allows(url) == isAllowed)
        options.allowsHTTP = true
        #expect(options.allows(url) == isAllowedWithHTTP)
    }
}

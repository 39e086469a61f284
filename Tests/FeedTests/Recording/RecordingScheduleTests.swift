// Recording under random schedules and faults, against a simulated Redis. `tools/schedules N` runs more.

import Foundation
import Testing

@testable import Feed

@Suite("Recording under random schedules")
struct RecordingScheduleTests {
    /// How many schedules of each kind; a command sets another number.
    private static let count =
        ProcessInfo.processInfo.environment["JOBWIRE_SCHEDULES"].flatMap { Int($0) } ?? 2_000
    private static let firstSeed =
        ProcessInfo.processInfo.environment["JOBWIRE_FIRST_SEED"].flatMap { UInt64($0) } ?? 1

    @Test(
        "no event is lost, doubled or out of order without a gap that says so",
        arguments: [
            Schedule(seed: 0, isPatient: true), Schedule(seed: 0),
            Schedule(seed: 0, losesData: true),
        ])
    func holds(kind: Schedule) {
        for seed in Self.firstSeed..<Self.firstSeed + UInt64(Self.count) {
            var schedule = kind
            schedule.seed = seed
            if let violation = violation(in: schedule) {
                Issue.record("\(schedule): \(violation)")
                return
            }
        }
    }

    @Test("without one of its checks something breaks", arguments: Check.missed)
    func isNeeded(check: Check) { expectViolation(without: check) }

    private func expectViolation(without check: Check) {
        for seed in 1...UInt64(Self.count) {
            for kind in [
                Schedule(seed: seed, isPatient: true, removed: check),
                Schedule(seed: seed, removed: check),
                Schedule(seed: seed, losesData: true, removed: check),
            ] where violation(in: kind) != nil { return }
        }
        Issue.record("nothing breaks without \(check)")
    }

    private func violation(in schedule: Schedule) -> Violation? {
        do throws(Violation) { try World(schedule).run() } catch { return error }
        return nil
    }
}

// Recording under random schedules and faults, against a simulated Redis. `tools/schedules N` runs more.

import Foundation
import Testing

@testable import Feed

@Suite("Recording under random schedules")
struct RecordingScheduleTests {
    /// How many schedules of each kind; a command sets another number.
    private static let count =
        ProcessInfo.processInfo.environment["JOBWIRE_SCHEDULES"].flatMap { Int($0) } ?? 1_000
    private static let firstSeed =
        ProcessInfo.processInfo.environment["JOBWIRE_FIRST_SEED"].flatMap { UInt64($0) } ?? 1

    /// The only kind to run, which then prints what happens.
    private static let told =
        ProcessInfo.processInfo.environment["JOBWIRE_STORY"].flatMap { Int($0) }

    private static let kinds = [
        Schedule(seed: 0, isPatient: true), Schedule(seed: 0),
        Schedule(seed: 0, loss: .keys, isPatient: true), Schedule(seed: 0, loss: .history),
        Schedule(seed: 0, loss: .primary), Schedule(seed: 0, hasOtherPatterns: true),
    ]

    @Test(
        "no event is lost, doubled or out of order without a gap that says so",
        arguments: told.map { [kinds[$0]] } ?? kinds)
    func holds(kind: Schedule) {
        if let found = firstViolation(in: [kind], from: Self.firstSeed) { Issue.record("\(found)") }
    }

    /// Where each was found to be needed; the search begins a little before. `sameServer` has a schedule of its
    /// own (`ReplacedPrimaryTests`).
    private static let neededNear: [Check: UInt64] = [
        .reign: 250, .notRunID: 30, .gapEntry: 1, .oneGap: 1, .freshEpoch: 1, .era: 50, .hole: 265,
        .ordinalOnce: 100, .doubt: 1, .keep: 85, .tail: 25, .answer: 30, .eraAnswer: 130,
        .letGo: 460, .patterns: 460, .deadEra: 1_015, .presence: 3_430, .claim: 5_920,
        .doubted: 8_212, .atOnlyWhenReached: 8_360, .countAtOpening: 12_792,
    ]
    /// A command searches for all; a test only for those that are found soon.
    private static let isSearch = ProcessInfo.processInfo.environment["JOBWIRE_SEARCH"] != nil

    @Test(
        "without one of its checks something breaks",
        arguments: isSearch ? Check.allCases : Array(neededNear.keys))
    func isNeeded(check: Check) {
        let first = Self.isSearch ? Self.firstSeed : Self.neededNear[check] ?? 1
        let found = firstViolation(in: Self.kinds, from: first, without: [check])
        #expect(found != nil, "nothing breaks without \(check)")
        if Self.isSearch, let found { print("without \(check): \(found)") }
    }

    private func firstViolation(
        in kinds: [Schedule], from first: UInt64 = 1, without removed: [Check] = []
    ) -> String? {
        for seed in first..<first + UInt64(Self.count) {
            for var schedule in kinds {
                (schedule.seed, schedule.removed) = (seed, removed)
                schedule.isTold = Self.told != nil
                guard let violation = violation(in: schedule) else { continue }
                // What breaks with all checks as well shows nothing of the one that is removed.
                var whole = schedule
                whole.removed = []
                guard removed.isEmpty || self.violation(in: whole) == nil else { continue }
                return "\(schedule): \(violation)"
            }
        }
        return nil
    }

    private func violation(in schedule: Schedule) -> Violation? {
        do throws(Violation) { try World(schedule).run() } catch { return error }
        return nil
    }
}

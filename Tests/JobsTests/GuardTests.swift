// What no sequence of events may do to a snapshot, whatever the order: random ones, many.

import Jobs
import Support
import Testing

@Suite("Guards of the snapshot")
struct GuardTests {
    /// What may leave a final state: a status of its own words, or a higher attempt.
    private static let explicit = [
        #"{"type":"status","data":{"status":"running"}}"#,
        #"{"type":"progress","data":{"progress":30,"status":"running"}}"#,
        #"{"type":"complete","data":{"status":"retrying"}}"#,
        #"{"status":"STARTED","result":null,"date_done":null,"task_id":"t"}"#,
    ]
    private static let implied =
        SeedMessages.all.filter { !$0.contains(#""status""#) } + [
            #"{"type":"progress","data":{"progress":10}}"#,
            #"{"type":"progress","data":{"progress":60.5}}"#,
            #"{"type":"progress","data":{"current":2,"total":3}}"#,
            #"{"type":"error","data":{"error_message":"e","final":false}}"#,
            #"{"type":"job_started"}"#, #"{"type":"job_created"}"#,
            #"{"type":"step","status":"x"}"#,
            #"{"uuid":"t","type":"task-started"}"#, #"{"uuid":"t","type":"task-sent","retries":3}"#,
            #"{"uuid":"t","type":"task-rejected","requeue":true}"#,
            #"{"uuid":"t","type":"task-retried"}"#,
        ]

    @Test("progress never goes back within an attempt, nor is a final state left by itself")
    func random() {
        var dice = Dice(seed: 11)
        var reader = EventReader()
        for round in 0..<300 {
            var snapshot = Snapshot()
            for _ in 0..<40 {
                let isExplicit = Int.random(in: 0..<8, using: &dice) == 0
                let payloads = isExplicit ? Self.explicit : Self.implied
                var payload = payloads[Int.random(in: payloads.indices, using: &dice)]
                if Int.random(in: 0..<4, using: &dice) == 0 {
                    let attempt = Int.random(in: 1...4, using: &dice)
                    payload = #"{"attempt":\#(attempt),"# + payload.dropFirst()
                }
                let before = snapshot
                let event = reader.read(
                    Array(payload.utf8).span, heardAt: WallTime(milliseconds: 1))
                snapshot.apply(event.change)
                let (was, now) = (number(before, .attempt) ?? 1, number(snapshot, .attempt) ?? 1)
                #expect(now >= was, "round \(round): \(payload)")
                guard now == was else { continue }
                if let progress = number(before, .progress) {
                    #expect(
                        number(snapshot, .progress) ?? -1 >= progress, "round \(round): \(payload)")
                }
                if before.finishedAt != nil, !isExplicit {
                    #expect(snapshot.finishedAt != nil, "round \(round): \(payload)")
                    #expect(snapshot.status == before.status, "round \(round): \(payload)")
                }
            }
        }
    }

    private func number(_ snapshot: Snapshot, _ field: SnapshotField) -> Double? {
        snapshot.text(field).flatMap(Double.init)
    }
}

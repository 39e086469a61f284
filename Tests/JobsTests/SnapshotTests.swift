// The fold: what a follower who comes late is told, after each kind of message in each dialect.

import JSON
import Jobs
import Testing

@Suite("Snapshot")
struct SnapshotTests {
    @Test("before the first event everything is null but the status, which is unknown")
    func unknown() throws {
        #expect(
            try written(Snapshot())
                == #"{"job_id":"j","status":"unknown","progress":null,"current_step":null,"#
                + #""completed_steps":null,"message":null,"error":null,"result":null,"queue":null,"#
                + #""owner":null,"parent":null,"attempt":null,"eta_seconds":null,"log_lines":0,"#
                + #""created_at":null,"updated_at":null,"finished_at":null,"watchers":3}"#)
    }

    @Test("the canonical messages of one build fold into its end")
    func canonical() throws {
        var snapshot = fold(Array(SeedMessages.canonical[..<4]))
        #expect(
            try written(snapshot)
                == #"{"job_id":"j","status":"running","progress":45,"current_step":"synthesis","#
                + #""completed_steps":["initialization","verilog_copy"],"message":null,"error":null,"#
                + #""result":null,"queue":null,"owner":null,"parent":null,"attempt":null,"#
                + #""eta_seconds":null,"log_lines":1,"created_at":"2025-01-06T12:00:00.000Z","#
                + #""updated_at":"2025-01-06T12:00:03.000Z","finished_at":null,"watchers":3}"#)
        snapshot = fold([SeedMessages.canonical[5]], onto: snapshot)
        #expect(snapshot.status == "completed")
        #expect(json(snapshot, .progress) == "100")
        #expect(json(snapshot, .message) == #""Build completed successfully""#)
        #expect(snapshot.finishedAt?.description == "2025-01-06T12:10:00.000Z")
        #expect(snapshot.createdAt?.description == "2025-01-06T12:00:00.000Z")
    }

    /// Messages in order, and the fields that are then not null.
    @Test(
        "folds each message by the table",
        arguments: [
            // status
            (
                [
                    #"{"type":"status","data":{"status":"queued","queue":"q","owner":"u1","parent":"p","attempt":1}}"#
                ],
                #"status="queued" queue="q" owner="u1" parent="p" attempt=1"#
            ),
            ([#"{"type":"status","data":{"status":"Deploying"}}"#], #"status="Deploying""#),
            ([#"{"type":"status","status":"running"}"#], #"status="running""#),
            ([#"{"type":"status","data":{"status":7}}"#], ""),
            // progress
            (
                [#"{"type":"progress","data":{"progress":45.50,"message":"m","eta_seconds":9}}"#],
                #"status="running" progress=45.50 message="m" eta_seconds=9"#
            ),
            (
                [#"{"type":"progress","data":{"progress_percent":45}}"#],
                #"status="running" progress=45"#
            ),
            ([#"{"type":"progress","data":{"progress":-3}}"#], #"status="running" progress=0"#),
            ([#"{"type":"progress","data":{"progress":150}}"#], #"status="running" progress=100"#),
            (
                [#"{"type":"progress","data":{"progress":45.0000000000000000000000000000000000}}"#],
                #"status="running" progress=45"#
            ),
            ([#"{"type":"progress","data":{"progress":1e999}}"#], #"status="running""#),
            ([#"{"type":"progress","data":{"progress":"45"}}"#], #"status="running""#),
            (
                [#"{"type":"progress","data":{"progress":null,"message":null}}"#],
                #"status="running""#
            ),
            (
                [
                    #"{"type":"progress","data":{"progress":50}}"#,
                    #"{"type":"progress","data":{"progress":40}}"#,
                ],
                #"status="running" progress=50"#
            ),
            (
                [
                    #"{"type":"status","data":{"status":"QUEUED"}}"#,
                    #"{"type":"progress","data":{"progress":1}}"#,
                ],
                #"status="running" progress=1"#
            ),
            (
                [
                    #"{"type":"status","data":{"status":"deploying"}}"#,
                    #"{"type":"progress","data":{"progress":1}}"#,
                ],
                #"status="deploying" progress=1"#
            ),
            // complete
            ([#"{"type":"complete","data":{}}"#], #"status="completed" progress=100 finished"#),
            (
                [#"{"type":"complete","data":{"status":"completed","result":{"n":1.0}}}"#],
                #"status="completed" progress=100 result={"n":1.0} finished"#
            ),
            (
                [#"{"type":"complete","data":{"status":"done"}}"#],
                #"status="done" progress=100 finished"#
            ),
            ([#"{"type":"complete","data":{"status":"Failed"}}"#], #"status="Failed" finished"#),
            (
                [
                    #"{"type":"progress","data":{"progress":30}}"#,
                    #"{"type":"complete","data":{"status":"cancelled"}}"#,
                ],
                #"status="cancelled" progress=30 finished"#
            ),
            ([#"{"type":"complete","data":{"status":"retrying"}}"#], #"status="retrying""#),
            // error
            (
                [#"{"type":"error","data":{"error_message":"e"}}"#],
                #"status="failed" error="e" finished"#
            ),
            ([#"{"type":"error","data":{"error_message":"e","final":false}}"#], #"error="e""#),
            (
                [
                    #"{"type":"error","data":{"error":"b","failedReason":"c","message":"d"},"error_message":"a"}"#
                ],
                #"status="failed" message="d" error="a" finished"#
            ),
            (
                [#"{"type":"error","data":{"failedReason":"c","message":"d"},"error":"b"}"#],
                #"status="failed" message="d" error="b" finished"#
            ),
            (
                [#"{"type":"error","data":{"message":"d"},"failedReason":"c"}"#],
                #"status="failed" message="d" error="c" finished"#
            ),
            (
                [#"{"type":"error","data":{"message":"d"}}"#],
                #"status="failed" message="d" error="d" finished"#
            ),
            (
                [#"{"type":"error","data":{"error":null,"message":"d"}}"#],
                #"status="failed" message="d" error="d" finished"#
            ),
            (
                [
                    #"{"type":"error","data":{"error_message":"e"}}"#,
                    #"{"type":"status","data":{"status":"completed"}}"#,
                ],
                #"status="completed" finished"#
            ),
            // log and step
            (
                [
                    #"{"type":"log","data":{"log_line":"a"}}"#,
                    #"{"type":"log","data":{"lines":["a","b",["c"]]}}"#,
                ], "log_lines=4"
            ),
            (
                [
                    #"{"type":"log","data":"text"}"#,
                    #"{"type":"log","message":"m","status":"failed"}"#,
                ], "log_lines=2"
            ),
            (
                [
                    #"{"type":"step","data":{"step_name":"s","step_label":"S","status":"completed","progress":5}}"#
                ],
                #"current_step="s""#
            ),
            // places: data, then the top level, then a nested job; the last of one name
            (
                [#"{"type":"progress","progress":2,"job":{"progress":3},"data":{"progress":1}}"#],
                #"status="running" progress=1"#
            ),
            (
                [#"{"type":"progress","job":{"progress":3,"message":"m"},"progress":2}"#],
                #"status="running" progress=2 message="m""#
            ),
            (
                [#"{"type":"progress","data":{"progress":1},"data":{"progress":7,"progress":9}}"#],
                #"status="running" progress=9"#
            ),
            ([#"{"type":"progress","data":{"\u0070rogress":4}}"#], #"status="running" progress=4"#),
            ([#"{"type":"progress","data":[{"progress":4}]}"#], #"status="running""#),
            // final statuses
            (
                [
                    #"{"type":"status","data":{"status":"FAILED"}}"#,
                    #"{"type":"progress","data":{"progress":5}}"#,
                ],
                #"status="FAILED" progress=5 finished"#
            ),
            (
                [
                    #"{"type":"status","data":{"status":"failed"}}"#,
                    #"{"type":"complete","data":{}}"#,
                ],
                #"status="failed" progress=100 finished"#
            ),
            (
                [
                    #"{"type":"status","data":{"status":"completed"}}"#,
                    #"{"type":"error","data":{"error_message":"e"}}"#,
                ],
                #"status="completed" error="e" finished"#
            ),
            (
                [
                    #"{"type":"status","data":{"status":"failed"}}"#,
                    #"{"type":"status","data":{"status":"running"}}"#,
                ],
                #"status="running""#
            ),
            // attempts
            (
                [
                    #"{"type":"error","data":{"error_message":"e","attempt":1}}"#,
                    #"{"type":"progress","data":{"progress":5,"attempt":2}}"#,
                ],
                #"status="running" progress=5 attempt=2"#
            ),
            (
                [
                    #"{"type":"progress","data":{"progress":90,"attempt":2}}"#,
                    #"{"type":"progress","data":{"progress":10,"attempt":3}}"#,
                ],
                #"status="running" progress=10 attempt=3"#
            ),
            (
                [
                    #"{"type":"complete","data":{"attempt":2}}"#,
                    #"{"type":"progress","data":{"progress":1,"attempt":1}}"#,
                ],
                #"status="completed" progress=100 attempt=2 finished"#
            ),
            (
                [
                    #"{"type":"complete","data":{}}"#,
                    #"{"type":"progress","data":{"progress":1,"attempt":1}}"#,
                ],
                #"status="completed" progress=100 attempt=1 finished"#
            ),
            (
                [
                    #"{"type":"progress","data":{"attempt":99999999999999999999}}"#,
                    #"{"type":"progress","data":{"attempt":-9223372036854775808}}"#,
                    #"{"type":"progress","data":{"attempt":1.5}}"#,
                ],
                #"status="running" attempt=-9223372036854775808"#
            ),
            // other types
            ([#"{"type":"custom","data":{"status":"failed","progress":5,"owner":"x"}}"#], ""),
            ([#"{"status":"running","message":"m"}"#], #"status="running" message="m""#),
            (["hello"], ""), (["[1]"], ""),
        ] as [([String], String)])
    func table(payloads: [String], expected: String) {
        #expect(said(fold(payloads)) == expected)
    }

    @Test(
        "folds the messages of systems that existed before",
        arguments: [
            ([SeedMessages.queue[0]], #"status="active" progress=75"#),
            (
                [SeedMessages.queue[0], SeedMessages.queue[1]],
                #"status="completed" progress=100 result={"score":0.8} finished"#
            ),
            (
                [SeedMessages.queue[0], SeedMessages.queue[2]],
                #"status="failed" progress=75 error="timeout" finished"#
            ),
            ([SeedMessages.queue[3]], #"status="active" progress=45"#),
            ([SeedMessages.queue[4]], #"status="completed" progress=100 result=[1] finished"#),
            ([SeedMessages.queue[5]], #"status="failed" error="30 minutes" finished"#),
            ([SeedMessages.training[0]], #"status="queued" progress=0"#),
            (
                [SeedMessages.training[0], SeedMessages.training[1]],
                #"status="running" progress=30 message="Preprocessing data...""#
            ),
            (
                SeedMessages.training,
                #"status="succeeded" progress=100 message="Preprocessing data..." finished"#
            ),
            ([SeedMessages.learning[0]], #"status="training""#),
            ([SeedMessages.learning[1]], #"status="training""#),
            (SeedMessages.learning, #"status="training""#),
            ([SeedMessages.chain[0]], #"status="running""#),
            ([SeedMessages.chain[1], SeedMessages.chain[2]], ""),
        ])
    func dialects(payloads: [String], expected: String) {
        #expect(said(fold(payloads)) == expected)
    }

    @Test("a numeric timestamp is read as milliseconds or seconds; an odd one as when it was heard")
    func times() {
        #expect(
            fold([SeedMessages.training[0]]).createdAt?.description == "2025-10-28T05:08:11.023Z")
        for odd in ["\"yesterday\"", "-5", "1e300", "null", "{}", "true"] {
            let snapshot = fold(["{\"type\":\"log\",\"timestamp\":\(odd)}"])
            #expect(snapshot.updatedAt == Self.heardAt, "\(odd)")
        }
    }

    @Test(
        "tells which events are progress, log or an end, by the table and by content",
        arguments: [
            (#"{"type":"progress"}"#, .progress), (#"{"event":"job-progress"}"#, .progress),
            (#"{"event":"Job.Progress"}"#, .progress), (#"{"type":"log"}"#, .log),
            (#"{"type":"step"}"#, .step),
            (#"{"type":"training_update","status":"running"}"#, .progress),
            (#"{"type":"training_update","status":"succeeded"}"#, .complete),
            (#"{"type":"complete"}"#, .complete),
            (#"{"type":"error","data":{"final":false}}"#, .error),
            (#"{"type":"node_update"}"#, .other), (#"{"type":"progressive"}"#, .other),
            (#"{"progress":5}"#, .progress), ("{}", .other),
        ] as [(String, EventType.Kind)])
    func kinds(payload: String, kind: EventType.Kind) {
        var reader = EventReader()
        let type = reader.read(Array(payload.utf8).span, heardAt: Self.heardAt).type
        #expect(type.kind == kind)
        #expect(type.isProgress == (kind == .progress))
        #expect(type.isLog == (kind == .log))
    }

    @Test("an owner is compared as text, whether it was sent as a string or a number")
    func owner() {
        #expect(fold([#"{"type":"status","owner":"u\u0031"}"#]).text(.owner) == "u1")
        #expect(fold([#"{"type":"status","owner":17}"#]).text(.owner) == "17")
        #expect(Snapshot().text(.owner) == nil)
    }

    private static let heardAt = WallTime(milliseconds: 1_736_164_801_000)

    @Test(
        "a stalled job runs again with whatever comes next",
        arguments: [
            #"{"type":"progress","data":{"progress":5}}"#, #"{"type":"log","data":{}}"#,
            #"{"type":"step","data":{"step_name":"x"}}"#, #"{"type":"node"}"#, "no json",
        ])
    func stalled(payload: String) {
        let stalled = fold([
            #"{"type":"progress","data":{"progress":5}}"#,
            #"{"type":"status","data":{"status":"stalled"}}"#,
        ])
        #expect(stalled.status == "stalled" && stalled.finishedAt == nil)
        #expect(fold([payload], onto: stalled).status == "running")
        let queued = fold([#"{"type":"status","data":{"status":"queued"}}"#], onto: stalled)
        #expect(queued.status == "queued")
        let done = fold([#"{"type":"complete"}"#], onto: stalled)
        #expect(done.status == "completed" && done.finishedAt != nil)
        // A worker's own end, however it spells it, is an end.
        let ended = fold([#"{"type":"complete","data":{"status":"stalled"}}"#])
        #expect(fold([payload], onto: ended).status == "stalled")
    }

    private func fold(_ payloads: [String], onto start: Snapshot = Snapshot()) -> Snapshot {
        var reader = EventReader()
        var snapshot = start
        for payload in payloads {
            snapshot.apply(reader.read(Array(payload.utf8).span, heardAt: Self.heardAt).change)
        }
        return snapshot
    }

    private func json(_ snapshot: Snapshot, _ field: SnapshotField) -> String? {
        snapshot.json(field).map { String(decoding: $0, as: UTF8.self) }
    }

    /// What is not null, in a line.
    private func said(_ snapshot: Snapshot) -> String {
        var parts = SnapshotField.allCases.compactMap { field in
            json(snapshot, field).map { "\(field.name)=\($0)" }
        }
        if snapshot.logLines > 0 { parts.append("log_lines=\(snapshot.logLines)") }
        if snapshot.finishedAt != nil { parts.append("finished") }
        return parts.joined(separator: " ")
    }

    private func written(_ snapshot: Snapshot) throws -> String {
        var writer = JSONWriter()
        writer.beginObject()
        snapshot.writeMembers(into: &writer, job: try JobID(checking: "j"), watchers: 3)
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

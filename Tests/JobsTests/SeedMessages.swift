// Messages as the canonical worker and the systems that existed before publish them, and that they arrive
// as they are. How they add up is in SnapshotTests and conformance/snapshots.json.

import Foundation
import Jobs
import Testing

enum SeedMessages {
    static let canonical = [
        #"{"type":"status","data":{"status":"running"},"timestamp":"2025-01-06T12:00:00Z"}"#,
        #"{"type":"progress","data":{"progress":45,"current_step":"synthesis","completed_steps":["initialization","verilog_copy"]},"timestamp":"2025-01-06T12:00:01Z"}"#,
        #"{"type":"log","data":{"log_line":"Running synthesis...\n"},"timestamp":"2025-01-06T12:00:02Z"}"#,
        #"{"type":"step","data":{"step_name":"synthesis","step_label":"Synthesis"},"timestamp":"2025-01-06T12:00:03Z"}"#,
        #"{"type":"error","data":{"error_message":"Build failed: Synthesis error"},"timestamp":"2025-01-06T12:05:00Z"}"#,
        #"{"type":"complete","data":{"status":"completed","message":"Build completed successfully"},"timestamp":"2025-01-06T12:10:00Z"}"#,
    ]

    static let queue = [
        #"{"event":"job-progress","data":{"jobId":"similarity-ABC123","progress":75,"status":"active","data":{"wallets":3}}}"#,
        #"{"event":"job-completed","data":{"jobId":"similarity-ABC123","result":{"score":0.8},"processingTime":45000}}"#,
        #"{"event":"job-failed","data":{"jobId":"similarity-ABC123","error":"timeout","failedReason":"30 minutes"}}"#,
        #"{"jobId":"similarity-ABC123","progress":45,"status":"active"}"#,
        #"{"jobId":"similarity-ABC123","result":[1],"processingTime":45000}"#,
        #"{"jobId":"similarity-ABC123","failedReason":"30 minutes"}"#,
        #"{"jobId":"similarity-ABC123","error":"timeout"}"#,
    ]

    static let training = [
        #"{"type":"job_created","job":{"id":"job-1","kind":"nlu-train","datasetId":"ds-1","agentId":null,"status":"queued","progress":0,"createdAt":1761628091023,"updatedAt":1761628091023},"timestamp":1761628091023}"#,
        #"{"type":"training_update","jobId":"job-1","status":"running","progress":30,"message":"Preprocessing data...","timestamp":1761628092023}"#,
        #"{"type":"training_update","jobId":"job-1","status":"succeeded","progress":100,"timestamp":1761628093023}"#,
        #"{"type":"dataset_update","datasetId":"ds-1","action":"updated","status":"failed","timestamp":1761628094023}"#,
    ]

    static let learning = [
        #"{"event":"fl_status_update","data":{"status":"training","current_round":5}}"#,
        #"{"event":"training_progress","data":{"round":5,"status":"training","global_accuracy":87.5,"participants":8}}"#,
        #"{"event":"model_aggregation","data":{"status":"completed","round":5}}"#,
        #"{"event":"device_status","data":{"device_id":"edge-1","status":"offline"}}"#,
        #"{"event":"error_notification","data":{"error":"node lost","status":"failed"}}"#,
        #"{"event":"recent_events","data":[{"event":"fl_status_update","data":{"status":"failed"}}]}"#,
    ]

    static let chain = [
        #"{"type":"training_update","metrics":{"step":100,"epoch":1,"loss":0.234,"accuracy":0.892,"timestamp":1703456789}}"#,
        #"{"type":"node_update","node":{"id":"node_1","status":"training","gpu_usage":87.5}}"#,
        #"{"type":"blockchain_update","blockNumber":12345679,"contribution":{},"transaction":{}}"#,
    ]

    static let all = canonical + queue + training + learning + chain
}

@Suite("Messages of systems that existed before")
struct SeedTests {
    @Test(
        "each arrives byte for byte, and only what is missing is added", arguments: SeedMessages.all
    )
    func unchanged(message: String) throws {
        let object = try JSONSerialization.jsonObject(with: Data(message.utf8))
        let members = try #require(object as? [String: Any])
        var expected = String(message.dropFirst().dropLast())
        if members["type"] == nil {
            expected = #""type":"\#(members["event"] as? String ?? "message")","# + expected
        }
        if members["timestamp"] == nil { expected += #","timestamp":"1970-01-01T00:00:01.000Z""# }
        var reader = EventReader()
        let event = reader.read(
            Array(message.utf8).span, heardAt: WallTime(milliseconds: 1_000))
        #expect(String(decoding: event.rest, as: UTF8.self) == expected + "}")
        #expect(event.oddities.isEmpty)
    }
}

import Testing

@testable import Command

@Suite("The picture tail has of a job")
struct JobPictureTests {
    private func subscribed(_ snapshot: String, seq: UInt64 = 3) -> TailMessage.Subscribed {
        TailMessage.Subscribed(epoch: "abcdefgh", seq: seq, snapshot: Array(snapshot.utf8))
    }

    @Test("begins with the snapshot of the server")
    func snapshot() {
        var picture = JobPicture()
        picture.begin(
            subscribed(
                #"{"job_id":"a","status":"running","progress":45.5,"current_step":"mix","message":"m","attempt":3}"#
            ))
        #expect(picture.status == "running")
        #expect(picture.progress == 45.5)
        #expect(picture.step == "mix")
        #expect(picture.message == "m")
        #expect(!picture.isFinished)
    }

    @Test(
        "knows when a job has ended, and how",
        arguments: [
            ("completed", true, false), ("success", true, false), ("Succeeded", true, false),
            ("failed", true, true), ("cancelled", true, true), ("timed_out", true, true),
            ("running", false, false), ("retrying", false, false), ("unknown", false, false),
        ])
    func ending(_ status: String, _ isFinished: Bool, _ hasFailed: Bool) {
        var picture = JobPicture()
        picture.begin(subscribed(#"{"status":"\#(status)","progress":null,"attempt":null}"#))
        #expect(picture.status == status)
        #expect(picture.isFinished == isFinished)
        #expect(picture.hasFailed == hasFailed)
    }

    @Test("does not fold again what the snapshot has")
    func replay() {
        var picture = JobPicture()
        picture.begin(subscribed(#"{"status":"completed","progress":100}"#))
        _ = picture.hear(
            Array(#"{"seq":3,"type":"status","data":{"status":"running"}}"#.utf8), seq: 3)
        #expect(picture.status == "completed")
        _ = picture.hear(
            Array(#"{"seq":4,"type":"status","data":{"status":"running"}}"#.utf8), seq: 4)
        #expect(picture.status == "running")
    }

    @Test("keeps the progress of the attempt it is told of")
    func attempt() {
        var picture = JobPicture()
        picture.begin(subscribed(#"{"status":"running","progress":40,"attempt":2}"#))
        let event = #"{"type":"status","data":{"status":"running","attempt":2}}"#
        _ = picture.hear(Array(event.utf8), seq: 4)
        #expect(picture.progress == 40)
    }
}

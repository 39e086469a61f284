// Whatever a worker publishes becomes one JSON object that bears our seq and job_id and no other, and
// folds into a snapshot that is one JSON object too.

import JSON
import Jobs

private nonisolated(unsafe) var reader = EventReader(eventBytesMax: 4_000)  // one thread
private nonisolated(unsafe) var snapshot = Snapshot()
private nonisolated(unsafe) var outline = JSONOutline()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    let event = unsafe reader.read(bytes, heardAt: WallTime(milliseconds: 1_736_164_801_000))
    precondition(event.rest.count <= 6 * count + 96)
    let text = Array(#"{"seq":1,"job_id":"x","#.utf8) + event.rest
    let names = topNames(text).sorted()
    precondition(names.filter { $0 == "seq" || $0 == "job_id" } == ["job_id", "seq"])
    precondition(names.contains("type") && names.contains("timestamp"))

    unsafe snapshot.apply(event.change)
    var writer = JSONWriter()
    guard let job = try? JobID(checking: "x") else { preconditionFailure("x is a job id") }
    writer.beginObject()
    unsafe snapshot.writeMembers(into: &writer, job: job, watchers: 0)
    writer.endObject()
    precondition(topNames(writer.bytes).count == 18)
    return 0
}

private func topNames(_ text: [UInt8]) -> [String] {
    guard (try? unsafe outline.read(text.span)) != nil else { preconditionFailure("no JSON") }
    return unsafe outline.members.map { text.span.jsonText($0.key) }
}

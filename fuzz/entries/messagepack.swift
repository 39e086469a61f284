// What a client says in MessagePack becomes JSON or is refused by name; that JSON is JSON, no longer than
// promised, and what is made of it in turn is read back as the same text. And any JSON, and the event
// that any payload becomes, has a form in MessagePack.

import Bytes
import JSON
import Jobs
import Wire

private nonisolated(unsafe) var events = EventReader(eventBytesMax: 2_048)  // one thread

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    if let json = try? MessagePackReader.json(bytes) {
        precondition(json.count <= 6 * count)
        precondition(isJSON(json.span))
        let again = roundTrip(json)  // once for -0.0, which JSON's integers do not tell from 0
        precondition(roundTrip(again) == again)
    }
    if isJSON(bytes) { _ = MessagePack.frame(Frames.text(bytes)) }
    guard let job = try? JobID(checking: "j") else { return 0 }
    let event = unsafe events.read(bytes, heardAt: WallTime(milliseconds: 0))
    _ = MessagePack.frame(EventFrame.encode(job: job, seq: 1, rest: event.rest.span))
    return 0
}

private func roundTrip(_ json: [UInt8]) -> [UInt8] {
    let packed = MessagePack.frame(Frames.text(json.span))
    guard let again = try? MessagePackReader.json(Frames.payload(of: packed)) else {
        preconditionFailure("our own MessagePack was refused")
    }
    return again
}

private func isJSON(_ text: Span<UInt8>) -> Bool {
    var outline = JSONOutline()
    return (try? outline.read(text)) != nil
}

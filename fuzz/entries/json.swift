// A text is JSON with members that are JSON themselves and lie within it, or it is refused at a byte it has.

import JSON

private nonisolated(unsafe) var outline = JSONOutline()  // one thread

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    do throws(JSONFault) {
        try unsafe outline.read(bytes, levels: 2)
    } catch {
        precondition(0...count ~= error.offset)
        return 0
    }
    var inner = JSONOutline()
    for member in unsafe outline.members.prefix(64) {
        guard (try? inner.read(bytes.extracting(member.value), levels: 0)) != nil else {
            preconditionFailure("a member is no JSON")
        }
        precondition(inner.kind == member.kind)
        _ = bytes.jsonDouble(member.value)
        _ = bytes.jsonInteger(member.value)
        guard let text = bytes.jsonString(member.value) else { continue }
        var writer = JSONWriter()
        writer.string(text)
        precondition(writer.bytes.span.jsonString(0..<writer.bytes.count) == text)
    }
    return 0
}

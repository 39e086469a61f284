// The first byte tells the framing. The body must come out the same whole and byte by byte, and never
// over the limit.

import Wire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Span(_unsafeStart: start, count: count)
    guard count > 0 else { return 0 }
    let bytes = input.extracting(1..<count)
    let framing: BodyFraming = input[0] == 0 ? .chunked : .length(Int(input[0]))
    let whole = read(framing, bytes, step: bytes.count)
    let pieces = read(framing, bytes, step: 1)
    precondition(whole == pieces, "cutting changed the body")
    return 0
}

private enum Outcome: Equatable {
    case body([UInt8], consumed: Int), more, broken
}

private func read(_ framing: BodyFraming, _ bytes: Span<UInt8>, step: Int) -> Outcome {
    var limits = BodyLimits()
    limits.bodyBytesMax = 512
    limits.chunkExtensionBytesMax = 64
    limits.trailerBytesMax = 64
    do throws(HTTPViolation) {
        var reader = try BodyReader(framing, limits: limits)
        var consumed = 0
        var end = 0
        repeat {
            end = min(end + step, bytes.count)
            if let body = try reader.read(bytes.extracting(0..<end), consumed: &consumed) {
                precondition(body.count <= limits.bodyBytesMax)
                return .body(body, consumed: consumed)
            }
        } while end < bytes.count
        return .more
    } catch {
        return .broken  // which limit or rule was first may depend on the cuts
    }
}

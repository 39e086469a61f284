// A client's message is understood or refused by name, and the answer to it is one whole frame.

import Bytes
import JSON
import Wire

private nonisolated(unsafe) var reader = ClientMessageReader(jobsMax: 8)  // one thread

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    do throws(ClientRefusal) {
        switch try unsafe reader.read(bytes) {
        case .ping(let id): check(ServerMessage.pong(id: id))
        case .subscribe(let request):
            precondition(1...11 ~= request.follows.count)
            for follow in request.follows {
                check(ServerMessage.live(follow.subject, epoch: nil, seq: 0, id: request.id))
            }
        case .unsubscribe(let request): precondition(1...11 ~= request.subjects.count)
        case .auth: break
        }
    } catch {
        check(ServerMessage.rejected(error))
    }
    return 0
}

/// A control message reads as JSON again, with a type and without a seq.
private func check(_ frame: SharedBytes) {
    let payload = Frames.payload(of: frame)
    var outline = JSONOutline()
    guard (try? outline.read(payload)) != nil else { preconditionFailure("our answer is no JSON") }
    precondition(outline.member("type", in: payload) != nil)
    precondition(outline.member("seq", in: payload) == nil)
}

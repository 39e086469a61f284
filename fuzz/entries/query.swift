// A query decodes to valid text or is refused; the wishes in it are read or refused.

import Wire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    let raw = unsafe String(decoding: bytes, as: UTF8.self)
    guard let query = try? Query(raw) else { return 0 }
    _ = query.first("token")
    precondition(query.all("types").count <= count)
    _ = try? FollowOptions(query)
    return 0
}

// A head is found whole or not at all: cutting the input anywhere must not change what is found, and
// what is found is asked everything that the server asks.

import Wire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    let reader = HeadReader()
    guard let (head, consumed) = try? reader.read(bytes) else { return 0 }
    precondition(consumed <= count)
    let early = try? reader.read(bytes.extracting(0..<consumed - 1))
    precondition(early == nil, "a head was found before its end")
    precondition(head.path.utf8.first == UInt8(ascii: "/"))
    precondition(head.first("host") != nil)
    _ = try? Query(head.query)
    _ = try? percentDecoded(head.path)
    do throws(UpgradeRefusal) {
        let upgrade = try Upgrade(reading: head)
        _ = upgrade.response(protocol: upgrade.offeredProtocols.first, deflate: true)
    } catch {
        _ = error.response.encoded(keepAlive: false)
    }
    return 0
}

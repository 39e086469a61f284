// modules: Loop
// A PROXY header is read the same however much follows it, and each of its parts is waited with; an address
// that is read from text is read again from what is shown of it.

import Loop

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    if let header = read(bytes) {
        precondition(header.length <= min(count, ProxyHeader.bytesMax))
        for end in [header.length - 1, header.length / 2] {
            precondition(read(Array(bytes[..<end])) == nil)
        }
        precondition(read(Array(bytes[..<header.length])) == header)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    if let address = PeerAddress(parsing: text) {
        precondition(PeerAddress(parsing: "\(address)") == address)
        precondition(address.network.network == address.network)
    }
    if let range = try? AddressRange(parsing: text) { precondition(!range.contains(.unix)) }
    return 0
}

private func read(_ bytes: [UInt8]) -> ProxyHeader? {
    do throws(ProxyHeaderFault) { return try ProxyHeader.read(bytes.span) } catch { return nil }
}

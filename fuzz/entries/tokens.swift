// modules: Tokens
// A token that nobody signed is refused, whatever its bytes; header and claims of any bytes are granted or
// refused, and never trap.

import Tokens

private let issuers: [TokenIssuer] = {
    var named = TokenIssuer(name: "a", keys: [key(1)])
    named.audience = ["jobwire"]
    named.claims.jobs = ClaimPath("https://a.example/rights.jobs")
    named.claims.scope = ClaimPath("realm_access.roles")
    return [named, TokenIssuer(keys: [key(2)])]
}()

private func key(_ byte: UInt8) -> TokenKey {
    guard let key = try? TokenKey.secret(Array(repeating: byte, count: 64)) else { fatalError("key") }
    return key
}

private nonisolated(unsafe) let verifier: TokenVerifier = {
    var rules = TokenRules(issuers: issuers)
    rules.cacheMax = 4
    guard let verifier = try? TokenVerifier(rules) else { fatalError("verifier") }
    return verifier
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let bytes = unsafe UnsafeBufferPointer(start: start + 1, count: count - 1)
    let rules = TokenRules(issuers: issuers)
    switch unsafe start[0] % 3 {
    case 0:
        let token = unsafe Array(bytes)
        guard (try? unsafe verifier.verify(token.span, now: 0)) == nil else {
            preconditionFailure("nobody signed it")
        }
        _ = TokenInspection(
            of: String(decoding: token, as: UTF8.self), by: nil, rules: rules, now: 0)
    case 1:
        let header = unsafe base64URL(bytes)
        _ = TokenInspection(of: header + ".e30.", by: nil, rules: rules, now: 0)
        precondition((try? unsafe verifier.verify(header + ".e30.AAAA", now: 0)) == nil)
    default:
        // {"alg":"HS256"}
        let token = unsafe "eyJhbGciOiJIUzI1NiJ9." + base64URL(bytes) + "."
        let found = TokenInspection(of: token, by: nil, rules: rules, now: 0)
        precondition(found.fault != nil || found.expiresAt.map { $0 > -31 } ?? false)
    }
    return 0
}

private func base64URL(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    var text: [UInt8] = []
    var (gathered, bits): (UInt32, UInt32) = (0, 0)
    for unsafe byte in unsafe bytes {
        gathered = gathered << 8 | UInt32(byte)
        bits += 8
        while bits >= 6 {
            bits -= 6
            text.append(letters[Int(gathered >> bits & 63)])
        }
    }
    if bits > 0 { text.append(letters[Int(gathered << (6 - bits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
}

// modules: Tokens
// Any bytes are a key set with at least one key, and no more than are allowed, or are refused; a PEM text
// likewise. No key is for an algorithm of another kind than its first.

import Tokens

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
    for allowsSecrets in [true, false] {
        guard let set = try? KeySet(unsafe bytes.span, allowsSecrets: allowsSecrets) else { continue }
        check(set.keys)
        precondition(
            allowsSecrets || set.keys.allSatisfy { !$0.algorithms.contains(.hs256) })
    }
    if let keys = try? TokenKey.pem(unsafe Array(bytes)) { check(keys) }
    return 0
}

private func check(_ keys: [TokenKey]) {
    precondition(!keys.isEmpty && keys.count <= KeySet.keysMax)
    for key in keys {
        let kinds = Set(key.algorithms.map { $0.rawValue.prefix(1) + ($0 == .es384 ? "4" : "") })
        precondition(!kinds.isEmpty && kinds.isSubset(of: ["R", "P"]) || kinds.count == 1)
    }
    // What was read can be used.
    precondition((try? TokenVerifier(TokenRules(keys: keys))) != nil)
}

// The one place that calls OpenSSL for tokens.
//
// `unsafe` is sound here: the context belongs to the one object that frees it, and every pointer to
// bytes is used within the call or closure that lends it. (The address sanitizer agrees.)

import COpenSSL

/// HMAC-SHA256 with the key already mixed in, so that a code costs only its own text.
@safe
final class HMAC {
    static let bytes = 32

    @unsafe private let context: OpaquePointer
    private var code = [UInt8](repeating: 0, count: HMAC.bytes)

    init(key: [UInt8]) throws(TokenSetupFault) {
        guard let method = unsafe EVP_MAC_fetch(nil, "HMAC", nil),
            let context = unsafe EVP_MAC_CTX_new(method)
        else { throw .cryptoUnavailable }
        unsafe EVP_MAC_free(method)
        unsafe self.context = context
        guard unsafe Self.setKey(key, context) else { throw .cryptoUnavailable }
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    /// Compares in the same time wherever the first difference lies.
    func matches(_ signature: [UInt8], of text: Span<UInt8>) -> Bool {
        guard signature.count == Self.bytes, computed(of: text) else { return false }
        return unsafe CRYPTO_memcmp(signature, code, Self.bytes) == 0
    }

    func code(of text: Span<UInt8>) -> [UInt8]? { computed(of: text) ? code : nil }

    private func computed(of text: Span<UInt8>) -> Bool {
        var count = 0
        return unsafe EVP_MAC_init(context, nil, 0, nil) == 1
            && text.withUnsafeBufferPointer { buffer in
                unsafe EVP_MAC_update(context, buffer.baseAddress, buffer.count) == 1
            }
            && EVP_MAC_final(context, &code, &count, Self.bytes) == 1 && count == Self.bytes
    }

    /// A parameter keeps pointers to its name and its value, so both are lent around the call.
    private static func setKey(_ key: [UInt8], _ context: OpaquePointer) -> Bool {
        let name = Array("digest".utf8CString)
        var digest = Array("SHA256".utf8CString)
        return unsafe name.withUnsafeBufferPointer { name in
            unsafe digest.withUnsafeMutableBufferPointer { digest in
                guard let name = name.baseAddress else { return false }
                let parameters = unsafe [
                    OSSL_PARAM_construct_utf8_string(name, digest.baseAddress, 0),
                    OSSL_PARAM_construct_end(),
                ]
                return unsafe EVP_MAC_init(context, key, key.count, parameters) == 1
            }
        }
    }
}

public enum RandomSecret {
    /// 32 random bytes as 43 letters, for a token secret that can be pasted anywhere.
    public static func text() throws(TokenSetupFault) -> String {
        var bytes = [UInt8](repeating: 0, count: TokenKey.secretBytesMin)
        guard unsafe RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { throw .cryptoUnavailable }
        return Base64URL.encode(bytes)
    }
}

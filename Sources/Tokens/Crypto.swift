// One loop's tools for checking tokens: codes, signatures and digests by OpenSSL, each made ready once.
//
// `unsafe` is sound here: a context belongs to the one object that frees it, and every pointer to
// bytes is used within the call or closure that lends it. (The address sanitizer agrees.)
// Invariant: a failed check leaves nothing in OpenSSL's queue of errors, which TLS reads on the same thread.

import COpenSSL

/// HMAC with the key already mixed in, so that a code costs only its own text.
@safe
final class HMAC {
    @unsafe private let context: OpaquePointer
    private var code: [UInt8]

    init(key: [UInt8], _ digest: DigestKind = .sha256) throws(TokenSetupFault) {
        code = [UInt8](repeating: 0, count: digest.bytes)
        guard let method = unsafe EVP_MAC_fetch(nil, "HMAC", nil),
            let context = unsafe EVP_MAC_CTX_new(method)
        else { throw .cryptoUnavailable }
        unsafe EVP_MAC_free(method)
        unsafe self.context = context
        guard unsafe Self.setKey(key, digest, context) else { throw .cryptoUnavailable }
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    /// Compares in the same time wherever the first difference lies.
    func matches(_ signature: [UInt8], of text: Span<UInt8>) -> Bool {
        guard signature.count == code.count, computed(of: text) else { return false }
        return unsafe CRYPTO_memcmp(signature, code, code.count) == 0
    }

    func code(of text: Span<UInt8>) -> [UInt8]? { computed(of: text) ? code : nil }

    private func computed(of text: Span<UInt8>) -> Bool {
        var count = 0
        let room = code.count
        return unsafe EVP_MAC_init(context, nil, 0, nil) == 1
            && text.withUnsafeBufferPointer { buffer in
                unsafe EVP_MAC_update(context, buffer.baseAddress, buffer.count) == 1
            }
            && EVP_MAC_final(context, &code, &count, room) == 1 && count == room
    }

    /// A parameter keeps pointers to its name and its value, so both are lent around the call.
    private static func setKey(
        _ key: [UInt8], _ digest: DigestKind, _ context: OpaquePointer
    ) -> Bool {
        let name = Array("digest".utf8CString)
        var digest = Array(digest.rawValue.utf8CString)
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

/// A digest whose method was looked up once.
@safe
final class Digest {
    @unsafe fileprivate let method: OpaquePointer
    @unsafe private let context: OpaquePointer
    private(set) var bytes: [UInt8]

    init(_ kind: DigestKind) throws(TokenSetupFault) {
        guard let method = unsafe EVP_MD_fetch(nil, kind.rawValue, nil),
            let context = unsafe EVP_MD_CTX_new()
        else { throw .cryptoUnavailable }
        unsafe (self.method, self.context) = (method, context)
        bytes = [UInt8](repeating: 0, count: kind.bytes)
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_MD_free(method)
    }

    /// True when `bytes` are those of `text`.
    func digest(_ text: Span<UInt8>) -> Bool {
        unsafe EVP_DigestInit_ex2(context, method, nil) == 1
            && text.withUnsafeBufferPointer { buffer in
                unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count) == 1
            }
            && EVP_DigestFinal_ex(context, &bytes, nil) == 1
    }
}

/// Checks what one public key signed with one algorithm.
@safe
final class SignatureCheck {
    private let key: PublicKey
    private let algorithm: TokenAlgorithm
    private let digest: Digest?
    /// For a digest; nil for Ed25519.
    @unsafe private let context: OpaquePointer?
    /// For Ed25519 only.
    @unsafe private let wholeText: OpaquePointer?

    init(_ key: PublicKey, _ algorithm: TokenAlgorithm) throws(TokenSetupFault) {
        (self.key, self.algorithm) = (key, algorithm)
        var digest: Digest?
        if let kind = algorithm.digest { digest = try Digest(kind) }
        self.digest = digest
        if let digest {
            unsafe (context, wholeText) = (
                tokens_checker(key.key, digest.method, algorithm.isPSS ? 1 : 0), nil
            )
        } else {
            unsafe (context, wholeText) = (nil, EVP_MD_CTX_new())
        }
        guard unsafe (context ?? wholeText) != nil else {
            ERR_clear_error()
            throw .cryptoUnavailable
        }
    }

    deinit {
        unsafe EVP_PKEY_CTX_free(context)
        unsafe EVP_MD_CTX_free(wholeText)
    }

    func accepts(_ signature: [UInt8], of text: Span<UInt8>) -> Bool {
        let isGood = checked(signature, text)
        if !isGood { ERR_clear_error() }
        return isGood
    }

    private func checked(_ signature: [UInt8], _ text: Span<UInt8>) -> Bool {
        guard let digest else {
            guard signature.count == 64 else { return false }
            return unsafe EVP_DigestVerifyInit(wholeText, nil, nil, nil, key.key) == 1
                && text.withUnsafeBufferPointer { text in
                    unsafe EVP_DigestVerify(
                        wholeText, signature, signature.count, text.baseAddress, text.count) == 1
                }
        }
        var signature = signature
        if algorithm.keyKind != .rsa {
            guard let der = ECSignature.der(signature, of: algorithm) else { return false }
            signature = der
        }
        guard digest.digest(text) else { return false }
        return unsafe EVP_PKEY_verify(
            context, signature, signature.count, digest.bytes, digest.bytes.count) == 1
    }
}

public enum RandomSecret {
    /// 32 random bytes as 43 letters, for a token secret that can be pasted anywhere.
    public static func text() throws(TokenSetupFault) -> String {
        Base64URL.encode(try bytes(TokenKey.secretBytesMin))
    }

    static func bytes(_ count: Int) throws(TokenSetupFault) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe RAND_bytes(&bytes, Int32(count)) == 1 else { throw .cryptoUnavailable }
        return bytes
    }
}

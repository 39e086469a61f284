// A public key that OpenSSL holds, made of a PEM text or of the numbers in a JWK.
//
// `unsafe` is sound here: the object owns OpenSSL's key from init to deinit, and nothing changes the key
// after it was made, so that loops may share it; pointers to bytes are used within one call.
// Invariant: its kind is one that a token may be signed with, and it is not too weak.

import COpenSSL

@safe
final class PublicKey: @unchecked Sendable {
    static let rsaBitsMin = 2_048
    /// So that no key set can make a check cost milliseconds.
    static let rsaBitsMax = 8_192

    let kind: TokenAlgorithm.KeyKind
    @unsafe let key: OpaquePointer

    /// Takes the key over, also where it throws.
    private init(owning key: OpaquePointer) throws(KeyFault) {
        do throws(KeyFault) { kind = try unsafe Self.kind(of: key) } catch {
            unsafe EVP_PKEY_free(key)
            throw error
        }
        unsafe self.key = key
    }

    deinit { unsafe EVP_PKEY_free(key) }

    private static func kind(of key: OpaquePointer) throws(KeyFault) -> TokenAlgorithm.KeyKind {
        switch tokens_kind(UInt32(unsafe tokens_kind_of(key))) {
        case tokens_p256: return .p256
        case tokens_p384: return .p384
        case tokens_ed25519: return .ed25519
        case tokens_rsa:
            let bits = Int(unsafe EVP_PKEY_get_bits(key))
            guard bits >= rsaBitsMin else { throw .rsaTooShort }
            guard bits <= rsaBitsMax else { throw .rsaTooLong }
            guard unsafe tokens_rsa_is_roca(key) == 0 else { throw .rsaGuessable }
            return .rsa
        default: throw .unsupportedType
        }
    }

    private static func owned(_ key: OpaquePointer?) throws(KeyFault) -> PublicKey {
        guard let key = unsafe key else {
            ERR_clear_error()
            throw .badParameters
        }
        return try unsafe PublicKey(owning: key)
    }

    // MARK: JWK

    static func rsa(modulus: [UInt8], exponent: [UInt8]) throws(KeyFault) -> PublicKey {
        // An even number is no such modulus or exponent, and 1 as exponent signs everything.
        guard modulus.count <= rsaBitsMax / 8 + 1, exponent.count <= 8,
            modulus.last.map({ $0 & 1 == 1 }) ?? false,
            exponent.last.map({ $0 & 1 == 1 }) ?? false, exponent.drop(while: { $0 == 0 }) != [1]
        else { throw .badParameters }
        return try unsafe owned(
            tokens_rsa_key(modulus, Int32(modulus.count), exponent, Int32(exponent.count)))
    }

    static func ec(
        _ kind: TokenAlgorithm.KeyKind, x: [UInt8], y: [UInt8]
    ) throws(KeyFault) -> PublicKey {
        let (curve, count) = kind == .p256 ? (tokens_p256, 32) : (tokens_p384, 48)
        guard x.count == count, y.count == count else { throw .badParameters }
        let point = [4] + x + y
        return try unsafe owned(tokens_ec_key(Int32(curve.rawValue), point, point.count))
    }

    static func ed25519(_ x: [UInt8]) throws(KeyFault) -> PublicKey {
        guard x.count == 32 else { throw .badParameters }
        return try unsafe owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, x, x.count))
    }

    // MARK: PEM

    /// Public keys, and of certificates the first: those behind it only vouch for it.
    static func all(inPEM text: [UInt8]) throws(KeyFault) -> [PublicKey] {
        guard text.count <= KeyFile.bytesMax else { throw .notPEM }
        // The reader looks at the text until it is freed, so both live in the same closure.
        return try unsafe text.withUnsafeBufferPointer { text throws(KeyFault) in
            guard let reader = unsafe BIO_new_mem_buf(text.baseAddress, Int32(text.count)) else {
                throw .notPEM
            }
            defer { unsafe BIO_free(reader) }
            return try unsafe all(readBy: reader)
        }
    }

    private static func all(readBy reader: OpaquePointer) throws(KeyFault) -> [PublicKey] {
        var keys: [PublicKey] = []
        var hasCertificate = false
        while true {
            var key: OpaquePointer?
            let block = tokens_pem(UInt32(unsafe tokens_next_pem(reader, &key)))
            if block == tokens_pem_end { break }
            guard block != tokens_pem_private else { throw .privateKey }
            guard let key = unsafe key else { throw .notPEM }
            let found = try unsafe PublicKey(owning: key)
            if block != tokens_pem_certificate || !hasCertificate { keys.append(found) }
            hasCertificate = hasCertificate || block == tokens_pem_certificate
        }
        guard !keys.isEmpty else { throw .notPEM }
        guard keys.count <= KeySet.keysMax else { throw .tooMany }
        return keys
    }
}

/// A file of keys, read whole.
enum KeyFile {
    static let bytesMax = 1_048_576

    /// Nil when it can't be read or is larger than any such file.
    static func read(_ path: String) -> [UInt8]? {
        guard let file = unsafe BIO_new_file(path, "rb") else {
            ERR_clear_error()
            return nil
        }
        defer { unsafe BIO_free(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Int(unsafe BIO_read(file, &piece, Int32(piece.count)))
            guard count > 0 else { break }
            bytes += piece[..<count]
            guard bytes.count <= bytesMax else { return nil }
        }
        ERR_clear_error()
        return bytes
    }
}

// AES-256-GCM with a key that seals one text and no other, so that it needs no nonce of its own.
//
// `unsafe` is sound here: the context belongs to the object that frees it, and every pointer to bytes is used
// within one call, with the room that is stated beside it.
// Invariant: nothing is returned that the tag does not cover. What is kept is version, cipher text, tag.

import COpenSSL

@safe
final class TicketSeal {
    private static let version: [UInt8] = [1]
    private static let nonce = [UInt8](repeating: 0, count: 12)
    private static let tagCount = 16

    private let key: [UInt8]
    @unsafe private let context: OpaquePointer

    init(key: [UInt8]) throws(TokenSetupFault) {
        precondition(key.count == 32)
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .cryptoUnavailable }
        self.key = key
        unsafe self.context = context
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    func close(_ text: [UInt8]) throws(TokenSetupFault) -> [UInt8] {
        var (sealed, tag) = (text, [UInt8](repeating: 0, count: Self.tagCount))
        guard run(text, into: &sealed, encrypting: true), finish(),
            unsafe EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag) == 1
        else {
            ERR_clear_error()
            throw .cryptoUnavailable
        }
        return Self.version + sealed + tag
    }

    func open(_ kept: [UInt8]) -> [UInt8]? {
        guard kept.count >= 1 + Self.tagCount, kept.starts(with: Self.version) else { return nil }
        let sealed = Array(kept[1..<(kept.count - Self.tagCount)])
        var (text, tag) = (sealed, Array(kept.suffix(Self.tagCount)))
        guard run(sealed, into: &text, encrypting: false),
            unsafe EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1, finish()
        else {
            ERR_clear_error()
            return nil
        }
        return text
    }

    /// GCM writes as many bytes as it reads, at once.
    private func run(_ input: [UInt8], into output: inout [UInt8], encrypting: Bool) -> Bool {
        precondition(output.count == input.count)
        var count: Int32 = 0
        return unsafe EVP_CipherInit_ex2(
            context, EVP_aes_256_gcm(), key, Self.nonce, encrypting ? 1 : 0, nil) == 1
            && EVP_CipherUpdate(
                context, nil, &count, Self.version, Int32(Self.version.count)) == 1
            && EVP_CipherUpdate(context, &output, &count, input, Int32(input.count)) == 1
            && count == Int32(input.count)
    }

    private func finish() -> Bool {
        var (count, nothing): (Int32, [UInt8]) = (0, [UInt8](repeating: 0, count: 16))
        return unsafe EVP_CipherFinal_ex(context, &nothing, &count) == 1 && count == 0
    }
}

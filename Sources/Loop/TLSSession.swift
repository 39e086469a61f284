// One stream's TLS, by OpenSSL on the stream's descriptor.
//
// Invariant: the descriptor outlives the session (`Stream.end` frees the session first). `unsafe`
// marks OpenSSL's pointer, which is ours from `init` to `deinit`, and the loop's scratch.

import COpenSSL

@safe
final class TLSSession {
    /// What one call came to.
    enum Outcome {
        case moved(Int)
        case wantsRead, wantsWrite
        case ended
        case failed(String)
    }

    private let session: OpaquePointer
    /// Of a record that OpenSSL has begun on: it must be offered the same bytes again.
    private(set) var offeredBytes = 0

    @unsafe
    init(owning session: OpaquePointer, on descriptor: borrowing Descriptor) {
        unsafe self.session = session
        let isSet = unsafe SSL_set_fd(session, descriptor.raw) == 1
        precondition(isSet, "out of memory")
    }

    deinit { unsafe SSL_free(session) }

    /// `.moved(0)` when it is done.
    func handshake() -> Outcome {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(session)
        return result == 1 ? .moved(0) : outcome(of: result)
    }

    func read(into scratch: Scratch, atMost count: Int) -> Outcome {
        ERR_clear_error()
        let result = unsafe SSL_read(session, scratch.base, Int32(min(count, scratch.capacity)))
        return result > 0 ? .moved(Int(result)) : outcome(of: result)
    }

    func write(_ record: Scratch, count: Int) -> Outcome {
        ERR_clear_error()
        let result = unsafe SSL_write(session, record.base, Int32(min(count, record.capacity)))
        offeredBytes = result > 0 ? 0 : count
        return result > 0 ? .moved(Int(result)) : outcome(of: result)
    }

    /// True when bytes were taken from the socket that were not yet read from here.
    var hasPending: Bool { unsafe SSL_has_pending(session) == 1 }

    /// Says that no more will come. Best effort: what blocks now is not worth waiting for.
    func shutDown() {
        ERR_clear_error()
        _ = unsafe SSL_shutdown(session)
    }

    private func outcome(of result: Int32) -> Outcome {
        switch unsafe SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ: .wantsRead
        case SSL_ERROR_WANT_WRITE: .wantsWrite
        case SSL_ERROR_ZERO_RETURN: .ended
        default: .failed(reason)
        }
    }

    private var reason: String {
        let verdict = unsafe SSL_get_verify_result(session)
        guard verdict == Int(X509_V_OK) else {
            return unsafe String(cString: X509_verify_cert_error_string(verdict))
        }
        return TLSFault.fromOpenSSL("the connection failed").description
    }
}

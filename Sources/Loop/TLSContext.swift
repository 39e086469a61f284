// The two ends of TLS, as they are set up once and shared by every loop's streams.
//
// Invariant: a context is complete before any stream sees it, and is not changed afterwards.
// `unsafe` marks OpenSSL's pointers; a context is counted by OpenSSL, so a session keeps the one
// it was made from even after a reload.

import COpenSSL

public struct TLSFault: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
}

/// An SSL_CTX that frees itself.
@safe
private final class Context: @unchecked Sendable {
    @unsafe let pointer: OpaquePointer

    init(_ method: OpaquePointer?) throws(TLSFault) {
        guard let made = unsafe SSL_CTX_new(method) else { throw .fromOpenSSL("no context") }
        unsafe pointer = made
        unsafe streams_set_up(made)
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    func use(certificate: String, key: String) throws(TLSFault) {
        guard unsafe SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else {
            throw .fromOpenSSL("\(certificate): no certificate in PEM")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1 else {
            throw .fromOpenSSL("\(key): no key in PEM that fits the certificate")
        }
    }

    func trust(_ file: String?) throws(TLSFault) {
        guard let file else {
            guard unsafe SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw .fromOpenSSL("no system authorities")
            }
            return
        }
        guard unsafe SSL_CTX_load_verify_locations(pointer, file, nil) == 1 else {
            throw .fromOpenSSL("\(file): no authority in PEM")
        }
    }

    func narrow() throws(TLSFault) {
        guard unsafe streams_set_modern(pointer) == 1 else {
            throw .fromOpenSSL("this OpenSSL lacks X25519 or AES-GCM")
        }
    }

    func verify(_ mode: Int32) { unsafe SSL_CTX_set_verify(pointer, mode, nil) }

    func session() -> OpaquePointer {
        guard let session = unsafe SSL_new(pointer) else { fatalError("out of memory") }
        return unsafe session
    }
}

/// A listener's certificate and key. Safe to share; `reload` is for streams accepted later.
public final class TLSServer: @unchecked Sendable {
    private let certificateFile: String
    private let keyFile: String
    private let clientCAFile: String?
    private let lock = Lock()
    private var context: Context

    /// With `clientCAFile` every client must show a certificate of that authority.
    public init(
        certificateFile: String, keyFile: String, clientCAFile: String? = nil
    ) throws(TLSFault) {
        (self.certificateFile, self.keyFile) = (certificateFile, keyFile)
        self.clientCAFile = clientCAFile
        context = try Self.context(certificateFile, keyFile, clientCAFile)
    }

    /// Reads the files again. When they are not usable, the old certificate stays.
    public func reload() throws(TLSFault) {
        let fresh = try Self.context(certificateFile, keyFile, clientCAFile)
        lock.withLock { context = fresh }
    }

    func session(on descriptor: borrowing Descriptor) -> TLSSession {
        let session = unsafe lock.withLock { context }.session()
        unsafe SSL_set_accept_state(session)
        return unsafe TLSSession(owning: session, on: descriptor)
    }

    private static func context(
        _ certificate: String, _ key: String, _ clientCA: String?
    ) throws(TLSFault) -> Context {
        let context = try unsafe Context(TLS_server_method())
        try context.narrow()
        try context.use(certificate: certificate, key: key)
        if let clientCA {
            try context.trust(clientCA)
            context.verify(SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
        }
        return context
    }
}

/// What a connecting stream trusts, expects and shows. The server's certificate is always checked.
public final class TLSClient: Sendable {
    private let context: Context
    private let serverName: String?

    /// Without `caFile` the system's authorities are trusted; without `serverName` the certificate
    /// must name the host that is connected to.
    public init(
        caFile: String?, serverName: String?, certificateFile: String?, keyFile: String?
    ) throws(TLSFault) {
        self.serverName = serverName
        context = try unsafe Context(TLS_client_method())
        try context.trust(caFile)
        context.verify(SSL_VERIFY_PEER)
        switch (certificateFile, keyFile) {
        case (nil, nil): break
        case (let certificate?, let key?): try context.use(certificate: certificate, key: key)
        default:
            throw TLSFault(
                description: "a client certificate needs its key, and a key its certificate")
        }
    }

    func session(
        on descriptor: borrowing Descriptor, to host: String?
    ) -> Result<TLSSession, TLSFault> {
        guard let name = serverName ?? host else {
            return .failure(
                TLSFault(description: "a server name is needed to check the certificate"))
        }
        let pointer = unsafe context.session()
        let session = unsafe TLSSession(owning: pointer, on: descriptor)
        let isAddress = SocketAddress(host: name, port: 0) != nil
        let isSet =
            isAddress
            ? unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(pointer), name) == 1
            : unsafe SSL_set1_host(pointer, name) == 1 && streams_set_sni(pointer, name) == 1
        guard isSet else { return .failure(TLSFault(description: "'\(name)' is no server name")) }
        unsafe SSL_set_connect_state(pointer)
        return .success(session)
    }
}

extension TLSFault {
    /// The first reason in OpenSSL's queue, which is emptied.
    static func fromOpenSSL(_ what: String) -> TLSFault {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
            return TLSFault(description: what)
        }
        return TLSFault(description: "\(what) (\(unsafe String(cString: reason)))")
    }
}

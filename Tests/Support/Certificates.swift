// Certificates for tests, made by the openssl command in a folder of their own that goes with them.
//
// `authority` signed `server` (DNS:server.test, IP:127.0.0.1), `renewed` (DNS:renewed.test) and
// `client`. `stranger` is an authority that signed nothing.

import CLinux

public final class Certificates: Sendable {
    private let place: TemporaryFolder
    private var folder: String { place.path }

    public struct Failure: Error {
        public let command: String
    }

    public init() throws {
        place = try TemporaryFolder()
        for name in ["authority", "stranger"] {
            try run("req -x509 -subj /CN=\(name) -days 2 \(key(name)) -out \(name).pem")
        }
        try sign("server", names: "DNS:server.test,IP:127.0.0.1")
        try sign("renewed", names: "DNS:renewed.test")
        try sign("client", names: "DNS:client.test")
    }

    public func certificate(_ name: String) -> String { "\(folder)/\(name).pem" }
    public func keyFile(_ name: String) -> String { "\(folder)/\(name).key" }

    /// One file takes the place of another, as an operator who renews a certificate does it.
    public func replace(_ name: String, with other: String) throws {
        try shell("cp \(other).pem \(name).pem && cp \(other).key \(name).key")
    }

    public func spoil(_ name: String) throws { try shell("echo spoiled > \(name).pem") }

    private func sign(_ name: String, names: String) throws {
        try run("req -new -subj /CN=\(name) \(key(name)) -out \(name).csr")
        try shell("echo subjectAltName=\(names) > \(name).names")
        try run(
            "x509 -req -in \(name).csr -CA authority.pem -CAkey authority.key -CAcreateserial"
                + " -days 2 -extfile \(name).names -out \(name).pem")
    }

    private func key(_ name: String) -> String {
        "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(name).key"
    }

    private func run(_ arguments: String) throws { try shell("openssl \(arguments)") }

    private func shell(_ command: String) throws {
        let status = unsafe system("cd '\(folder)' && { \(command); } >/dev/null 2>&1")
        guard status == 0 else { throw Failure(command: command) }
    }
}

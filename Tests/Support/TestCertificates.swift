// A certificate authority, and what it signed: a server called localhost (and 127.0.0.1) and a
// client. Made anew for each test by the openssl command.

public struct TestCertificates: Sendable {
    public let caFile: String
    public let serverFile: String
    public let serverKeyFile: String
    public let clientFile: String
    public let clientKeyFile: String

    public init(in directory: String) throws {
        caFile = directory + "/ca.pem"
        (serverFile, serverKeyFile) = (directory + "/server.pem", directory + "/server.key")
        (clientFile, clientKeyFile) = (directory + "/client.pem", directory + "/client.key")
        let caKeyFile = directory + "/ca.key"
        try make(caFile, key: caKeyFile, ["-subj", "/CN=Test CA"])
        let signed = ["-CA", caFile, "-CAkey", caKeyFile]
        let names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        try make(serverFile, key: serverKeyFile, ["-subj", "/CN=localhost"] + names + signed)
        try make(clientFile, key: clientKeyFile, ["-subj", "/CN=a client"] + signed)
    }

    private func make(_ file: String, key: String, _ options: [String]) throws {
        let isAuthority = !options.contains("-CA")
        let use = "basicConstraints=critical,CA:\(isAuthority ? "TRUE" : "FALSE")"
        _ = try run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-keyout", key, "-out", file, "-addext", use,
            ] + options)
    }
}

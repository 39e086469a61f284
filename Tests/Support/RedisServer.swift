// A private, real redis-server for a test: on a TCP port of its own, a Unix socket and, if wanted, a TLS
// port, in a directory of its own.
//
// It ends with this object, and with this process even when that is killed: a shell holds the end
// of a pipe whose other end only we have, and kills the server when the pipe breaks.

import CLinux
import Dispatch
import Glibc

public final class RedisServer: @unchecked Sendable {
    public enum TLS: Sendable { case off, on, clientCertificateRequired }

    public struct Failure: Error { public let text: String }

    private let folder: TemporaryFolder
    private let ports: (plain: Port, tls: Port)
    public var port: Int { ports.plain.number }
    public var tlsPort: Int { ports.tls.number }
    /// The server shows `server` and trusts clients that `authority` signed.
    public let certificates: Certificates?
    public var socketPath: String { folder.path + "/redis.sock" }
    public var url: String { "redis://127.0.0.1:\(port)" }
    public var tlsURL: String { "rediss://127.0.0.1:\(tlsPort)" }
    private var child: Child?

    /// `users` are lines of an ACL file, `configuration` lines of redis.conf. Without a line about
    /// the default user, it may do everything.
    public init(tls: TLS = .off, users: [String] = [], configuration: [String] = []) throws {
        folder = try TemporaryFolder()
        ports = (try Port(), try Port())
        certificates = tls == .off ? nil : try Certificates()
        var lines = [
            "port \(port)", "bind 127.0.0.1 ::1", "unixsocket \(socketPath)", "dir \(folder.path)",
            "save \"\"", "appendonly no", "loglevel notice",
        ]
        if let certificates {
            lines += [
                "tls-port \(tlsPort)", "tls-cert-file \(certificates.certificate("server"))",
                "tls-key-file \(certificates.keyFile("server"))",
                "tls-ca-cert-file \(certificates.certificate("authority"))",
                "tls-auth-clients \(tls == .on ? "no" : "yes")",
            ]
        }
        if !users.isEmpty {
            try write(users, to: folder.path + "/users.acl")
            lines.append("aclfile \(folder.path)/users.acl")
        }
        try write(lines + configuration, to: folder.path + "/redis.conf")
        try start()
    }

    deinit { stop() }

    /// Returns when the server accepts connections.
    public func start() throws {
        guard child == nil else { return }
        child = try Child(configuration: folder.path + "/redis.conf")
    }

    /// Kills it, as kill -9 would, and returns when it is gone.
    public func stop() {
        child?.end()
        child = nil
    }

    /// Stopped as a process (SIGSTOP): the kernel still accepts and keeps connections.
    public func freeze() { child?.signal(SIGSTOP) }
    public func thaw() { child?.signal(SIGCONT) }

    /// Asks through redis-cli, an independent client, and returns what it printed.
    @discardableResult
    public func ask(_ words: String..., user: [String] = []) throws -> String {
        try ask(words, user: user)
    }

    @discardableResult
    public func ask(_ words: [String], user: [String] = []) throws -> String {
        try run(["redis-cli", "-s", socketPath] + user + words)
    }
}

/// The shell and the server below it.
private final class Child {
    private let shell: pid_t
    private let server: pid_t
    private let lifeline: Int32
    private let log: any DispatchSourceRead

    init(configuration: String) throws {
        let script = """
            exec 3<&0
            redis-server "$0" 3<&- 2>&1 & server=$!
            echo "pid $server"
            { read -r _ <&3; kill -9 $server; } >/dev/null 2>&1 &
            exec 3<&-
            wait $server
            """
        let (input, output) = (try Pipe(), try Pipe())
        shell = try spawn(
            ["sh", "-c", script, configuration], input: input.readEnd, output: output.writeEnd)
        close(input.readEnd)
        close(output.writeEnd)
        lifeline = input.writeEnd
        // The log is the event that tells when it is ready.
        var text = ""
        let isReady = "Ready to accept connections"
        // The shell may be slower than the server.
        while !text.contains(isReady) || !text.contains("pid "),
            let more = readSome(output.readEnd)
        { text += more }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard text.contains(isReady), let mark = words.firstIndex(of: "pid"),
            let number = pid_t(words[mark + 1])
        else { throw RedisServer.Failure(text: "redis-server did not start: \(text)") }
        server = number
        log = DispatchSource.makeReadSource(fileDescriptor: output.readEnd)
        log.setEventHandler { [log] in if readSome(output.readEnd) == nil { log.cancel() } }
        log.setCancelHandler { close(output.readEnd) }
        log.resume()
    }

    func signal(_ number: Int32) { kill(server, number) }

    func end() {
        close(lifeline)
        var status: Int32 = 0
        while unsafe waitpid(shell, &status, 0) == -1, errno == EINTR {}
    }
}

private struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    /// A pair of sockets, because they are born closed on exec: no other child keeps an end open.
    init() throws {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | O_CLOEXEC
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw RedisServer.Failure(text: "socketpair")
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }
}

private func readSome(_ descriptor: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4_096)
    let count = unsafe read(descriptor, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
}

private func write(_ lines: [String], to path: String) throws {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    let text = Array((lines.joined(separator: "\n") + "\n").utf8)
    guard descriptor >= 0, unsafe Glibc.write(descriptor, text, text.count) == text.count else {
        throw RedisServer.Failure(text: "can't write \(path)")
    }
    close(descriptor)
}

/// Runs a command to its end and returns its output.
private func run(_ arguments: [String]) throws -> String {
    let output = try Pipe()
    let child = try spawn(arguments, input: nil, output: output.writeEnd)
    close(output.writeEnd)
    var text = ""
    while let more = readSome(output.readEnd) { text += more }
    close(output.readEnd)
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) == -1, errno == EINTR {}
    guard status == 0 else { throw RedisServer.Failure(text: "\(arguments): \(text)") }
    return text
}

private func spawn(_ arguments: [String], input: Int32?, output: Int32) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let input {
        unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)
    // Foundation's pipes are inherited: whoever waits for the end of one would wait for this child's, too.
    unsafe process_close_others(&actions)
    // The threads of a test run block signals; a shell that inherits this waits for ever.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    // Sound: the strings are freed after the call, the list ends with nil.
    var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in 0...arguments.count { unsafe free(words[index]) } }
    var child: pid_t = 0
    let failed = unsafe posix_spawnp(&child, arguments[0], &actions, &attributes, &words, environ)
    guard failed == 0 else { throw RedisServer.Failure(text: "can't run \(arguments[0])") }
    return child
}

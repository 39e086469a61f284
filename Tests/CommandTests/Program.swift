// The built program as a child of the test. Every wait is for an event: a line, an end of file, a pidfd.

import CLinux
import Foundation

final class Program {
    private let process = Process()
    private let output = Pipe()
    private let errors = Pipe()
    private var unread = ""

    /// Beside the test's own executable.
    private static var path: URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "jobwire")
    }

    init(_ arguments: [String], _ environment: [String: String], input: String? = nil) throws {
        process.executableURL = Self.path
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = errors
        let source = Pipe()
        process.standardInput = source
        try process.run()
        if let input { source.fileHandleForWriting.write(Data(input.utf8)) }
        try source.fileHandleForWriting.close()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    var identifier: pid_t { process.processIdentifier }

    func signal(_ signal: Int32) { kill(identifier, signal) }

    /// All of what was printed up to and with `text`; nil when it ended without.
    func read(until text: String) -> String? {
        while true {
            if let end = unread.firstRange(of: text)?.upperBound {
                defer { unread = String(unread[end...]) }
                return String(unread[..<end])
            }
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else { return nil }
            unread += String(decoding: piece, as: UTF8.self)
        }
    }

    /// Waits for the end: the code, and what was printed and not yet read.
    func end() -> (code: Int32, output: String, errors: String) {
        let rest = output.fileHandleForReading.readDataToEndOfFile()
        let words = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (
            process.terminationStatus, unread + String(decoding: rest, as: UTF8.self),
            String(decoding: words, as: UTF8.self)
        )
    }

    /// Its children, as descriptors that become readable when they end.
    func children() throws -> [(process: pid_t, descriptor: Int32)] {
        let path = "/proc/\(identifier)/task/\(identifier)/children"
        return try String(contentsOfFile: path, encoding: .utf8).split(separator: " ").compactMap {
            pid_t($0).map { ($0, process_descriptor($0)) }
        }
    }

    static func hasEnded(_ descriptor: Int32, withinMilliseconds limit: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&waiting, 1, limit) == 1
    }
}

/// A data folder of its own, gone with the test.
final class DataFolder {
    let path = NSTemporaryDirectory() + "jobwire-\(UUID().uuidString.prefix(8))"
    var environment: [String: String] { ["XDG_DATA_HOME": path] }
    func file(_ name: String) -> String { path + "/jobwire/" + name }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

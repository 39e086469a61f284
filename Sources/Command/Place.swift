// What a command is given of the world: its environment, where its words go, and the server to run.
// Tests give it another one.

import Settings
import Telemetry

public struct Place {
    /// Runs the server until it is told to stop; hears the port when it listens.
    public typealias Serve = (
        Settings, Log, _ endsOnHangUp: Bool, _ whenListening: @escaping (_ port: Int) -> Void
    ) throws -> Void

    let version: String
    /// As it was called: this name works again where it was typed. `jobwire`, `.build/release/jobwire`.
    let program: String
    let environment: [String: String]
    let serve: Serve
    /// Standard output. False when nobody reads it any more.
    let write: (String) -> Bool
    /// Standard error.
    let complain: (String) -> Void

    init(
        version: String, program: String = "jobwire", environment: [String: String],
        serve: @escaping Serve, write: @escaping (String) -> Bool,
        complain: @escaping (String) -> Void
    ) {
        (self.version, self.program) = (version, program)
        (self.environment, self.serve) = (environment, serve)
        (self.write, self.complain) = (write, complain)
    }

    /// The real one.
    static func system(version: String, serve: @escaping Serve) -> Place {
        Place(
            version: version, program: CommandLine.arguments.first ?? "jobwire",
            environment: System.environment(), serve: serve,
            write: { System.write(Array($0.utf8), to: System.output) },
            complain: { _ = System.write(Array("\($0)\n".utf8), to: System.errors) })
    }

    func say(_ line: String) { _ = write(line + "\n") }
}

// How a command ends. Scripts rely on these numbers, so `--help` prints them from here.

public enum ExitCode: Equatable, Sendable {
    case done, failed, usage, refused, unreachable, interrupted
    /// The code of the command that was run.
    case command(Int32)

    /// Those that are ours.
    static let all: [ExitCode] = [.done, .failed, .usage, .refused, .unreachable, .interrupted]

    public var number: Int32 {
        switch self {
        case .done: 0
        case .failed: 1
        case .usage: 2
        case .refused: 3
        case .unreachable: 4
        case .interrupted: 130
        case .command(let code): code
        }
    }

    var meaning: String {
        switch self {
        case .done: "done; for tail: the job completed"
        case .failed: "failed; for tail: the job did, for check, doctor, verify: there are problems"
        case .usage: "the command line or a setting is wrong"
        case .refused: "refused: the token, or the password of Redis"
        case .unreachable: "Redis or the server can't be reached"
        case .interrupted: "stopped by Ctrl-C"
        case .command: "that of the command"
        }
    }
}

/// Why a command can't go on: what to tell the user, and with which code to end.
struct Failure: Error, Equatable {
    let code: ExitCode
    let reason: String
    /// The ACL rules that the Redis user lacks, where that is why.
    let lacks: String?

    init(_ code: ExitCode, _ reason: String, lacks: String? = nil) {
        self.code = code
        self.reason = reason
        self.lacks = lacks
    }
}

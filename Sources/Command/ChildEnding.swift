// How a child ended, read from what the kernel says of it, and told as shells tell it.

enum ChildEnding: Equatable {
    case exited(Int32)
    case killed(signal: Int32)

    /// As waitpid has it: the signal in the low seven bits, otherwise the code in the next eight.
    init(waitStatus status: Int32) {
        let signal = status & 0x7F
        self = signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
    }

    /// Under which `jobwire exec` ends as well.
    var exitCode: Int32 {
        switch self {
        case .exited(let code): code
        case .killed(let signal): 128 + signal
        }
    }

    var isSuccess: Bool { self == .exited(0) }

    var signalName: String? {
        guard case .killed(let signal) = self else { return nil }
        return Self.signalNames[signal] ?? "signal \(signal)"
    }

    var words: String { signalName.map { "ended by \($0)" } ?? "exit code \(exitCode)" }

    /// By their numbers on Linux.
    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT",
        7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2",
        13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
    ]
}

// A child process that can't outlive us, not even when we are killed with SIGKILL.
//
// Only the child itself can ask the kernel for that (PR_SET_PDEATHSIG), between its start and its exec.
// So we start ourselves again as `jobwire __tied`, which asks, looks whether its parent is still the
// one that started it, and then becomes the program. The kernel watches the thread that started the
// child, not the process: `start` is called on the main thread, which ends last.
//
// `unsafe` marks C strings that live until the call returns.

import CLinux

enum TiedChild {
    static let verb = "__tied"

    /// Between us and what we have become in the child.
    private enum Manner: String {
        case service, command
    }

    /// A service of ours: `program` is a path, and what it prints is appended to the file `log`.
    static func start(
        _ program: String, _ arguments: [String], log: String
    ) throws(FileFault) -> ChildProcess {
        try start(.service, [log, program] + arguments)
    }

    /// A command of the user's: found as a shell finds it, with our environment, input and terminal. What it prints
    /// comes out of the two descriptors.
    static func start(
        _ command: [String]
    ) throws(FileFault) -> (child: ChildProcess, output: Int32, errors: Int32) {
        let output = try pipe()
        defer { close(output.inlet) }
        let errors = try pipe()
        defer { close(errors.inlet) }
        let child = try start(
            .command, command,
            streams: [(output.inlet, System.output), (errors.inlet, System.errors)])
        return (child, output.outlet, errors.outlet)
    }

    private static func start(
        _ manner: Manner, _ words: [String], streams: [(inlet: Int32, stream: Int32)] = []
    ) throws(FileFault) -> ChildProcess {
        let line = ["jobwire", verb, String(getpid()), manner.rawValue] + words
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (inlet, stream) in streams {
            unsafe posix_spawn_file_actions_adddup2(&actions, inlet, stream)
        }
        var process: pid_t = 0
        let code = unsafe withCStrings(line) { arguments in
            unsafe posix_spawn(
                &process, "/proc/self/exe", &actions, nil, arguments, process_environment())
        }
        guard code == 0 else { throw FileFault(code: code) }
        let descriptor = process_descriptor(process)
        guard descriptor >= 0 else {
            kill(process, SIGKILL)
            throw .last
        }
        return ChildProcess(process: process, descriptor: descriptor)
    }

    private static func pipe() throws(FileFault) -> (outlet: Int32, inlet: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe process_pipe(&ends) == 0 else { throw .last }
        return (ends[0], ends[1])
    }

    /// `PARENT service LOG PROGRAM ARGUMENTS…` or `PARENT command PROGRAM ARGUMENTS…`; returns only when it can't
    /// be done.
    static func become(_ arguments: [String], in place: Place) -> ExitCode {
        guard arguments.count >= 3, let parent = pid_t(arguments[0]), process_tie_to(parent) == 0
        else { return .failed }
        switch Manner(rawValue: arguments[1]) {
        case .service?:
            guard arguments.count >= 4, process_set_apart() == 0, redirect(to: arguments[2])
            else { return .failed }
            let environment = ["PATH=" + (place.environment["PATH"] ?? "")]
            let program = arguments[3]
            unsafe withCStrings(Array(arguments[3...])) { words in
                unsafe withCStrings(environment) { _ = unsafe execve(program, words, $0) }
            }
            return cannotStart(program, in: place)
        case .command?:
            let program = arguments[2]
            unsafe withCStrings(Array(arguments[2...])) { _ = unsafe execvp(program, $0) }
            return cannotStart("jobwire exec: " + program, in: place)
        case nil: return .failed
        }
    }

    /// As shells have it: 127 where there is no such program, 126 where it can't be started.
    private static func cannotStart(_ program: String, in place: Place) -> ExitCode {
        let fault = linux_errno()
        place.complain("\(program): \(FileFault(code: fault))")
        return .command(fault == ENOENT ? 127 : 126)
    }

    /// Nothing to read, and all that is printed goes to the end of the file.
    private static func redirect(to path: String) -> Bool {
        let log = unsafe process_open_for_appending(path)
        let nothing = linux_open_null()
        return log >= 0 && nothing >= 0 && dup2(nothing, System.input) == 0
            && dup2(log, System.output) == 1 && dup2(log, System.errors) == 2
    }

    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = unsafe texts.map { unsafe strdup($0) }
        defer { for index in 0..<texts.count { unsafe free(copies[index]) } }
        return unsafe (copies + [nil]).withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else {
                fatalError("an array with a nil is not empty")
            }
            return unsafe body(base)
        }
    }
}

/// Closes nothing and ends nothing by itself: both happen when our process ends.
struct ChildProcess: Sendable {
    fileprivate let process: pid_t
    /// A pidfd: readable when the process has ended, and never another process with the same number.
    fileprivate let descriptor: Int32

    /// Waits for the end, for ever where `limit` is nil. True when it has come.
    func hasEnded(within limit: Duration? = .zero) -> Bool {
        let milliseconds = limit.map { Int32(clamping: $0 / .milliseconds(1)) } ?? -1
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = unsafe poll(&waiting, 1, milliseconds)
            guard count >= 0 else { continue }
            // Taken off the kernel's list; whoever asks again is still told.
            if count == 1 { _ = waitpid(process, nil, WNOHANG) }
            return count == 1
        }
    }

    /// Waits for the end. Asked once, and only where nobody asks `hasEnded`.
    func ending() -> ChildEnding {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, linux_errno() == EINTR {}
        return ChildEnding(waitStatus: status)
    }

    func signal(_ signal: Int32) { _ = process_signal(descriptor, signal) }
}

extension Duration {
    fileprivate static func / (span: Duration, unit: Duration) -> Int64 {
        let quotient: Double = span / unit
        return Int64(quotient)
    }
}

// `jobwire exec`: a command is a job, without a line of its own for Redis.

import Jobs
import Settings

extension Verb {
    static let exec = Verb(
        "exec", "Run a command as a job",
        forms: ["JOB [SETTING]… -- COMMAND [ARGUMENT]…"],
        examples: [
            "jobwire exec build-7 -- make -j4",
            "jobwire exec nightly -- sh -c 'pg_dump shop | gzip > shop.gz'",
            "jobwire exec build-7 -- make && deploy    # its exit code is make's",
        ],
        details: [
            "The job is running while the command is, each of its lines is part of a log event with its"
                + " stream (stdout, stderr), and with its end the job is completed or failed; exit code,"
                + " signal and duration are the job's result. A job that has ended before is started"
                + " over, with its next attempt.",
            "The command has our terminal: what it prints appears there, too, and it reads our standard"
                + " input. SIGINT, SIGTERM, SIGHUP and SIGQUIT are handed on to it. Its output is a pipe,"
                + " so many programs leave out colours there unless told to.",
            "It ends with the command's exit code: 128 and the signal's number where a signal ended it,"
                + " 127 where there is no such command, 126 where it can't be run. Redis changes nothing"
                + " of that: while it is away this is said once, the command goes on, and its last 8 MiB"
                + " are published when Redis is back. After the command has ended, two seconds without"
                + " an answer are enough.",
            "Where no Redis is configured and jobwire run is running, its Redis is used.",
        ],
        options: [.dataDir],
        settings: [
            "redis-url", "redis-ca", "redis-certificate", "redis-key", "patterns", "key-prefix",
        ],
        words: 2...Int.max
    ) { call throws(Failure) in
        let job = call.words[0]
        do throws(JobIDFault) { _ = try JobID(checking: job) } catch {
            throw Failure(.usage, error.message)
        }
        let settings = try call.settingsBesideRun().settings
        let channel = try settings.jobChannels().channel(with: job)
        return try Execution(settings, job: job, channel: channel, call.place)
            .run(Array(call.words.dropFirst()))
    }
}

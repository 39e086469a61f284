// What `jobwire run` prints when it listens: where to look, and lines to try.

import Loop
import Settings
import Telemetry

struct RunNotice {
    let settings: Settings
    let root: String
    let shell: ShellLine
    let redis: PrivateRedis?
    let madeSecret: Bool
    let hasDemo: Bool

    /// The address printed must still work after a few restarts.
    static let tokenDays: Int64 = 30

    func url(port: Int) -> String {
        let scheme = settings.tlsCertificate.isEmpty ? "http" : "https"
        return "\(scheme)://\(host):\(port)"
    }

    func text(port: Int) throws(Failure) -> String {
        let url = url(port: port)
        let token = try Minted.token(settings, seconds: Self.tokenDays * 86_400) {
            $0.subject = "run"
            $0.jobs = ["*"]
            $0.scope = [.jobsRead, .jobsPublish]
        }
        let job = hasDemo ? "demo-build" : "my-job"
        let channel = try settings.jobChannels().channel(with: "my-job")
        let event = #"{"type":"progress","data":{"progress":40}}"#
        let publish = [
            shell.text(.publish, "my-job", "--type=progress", #"--data={"progress":40}"#),
            shell.text(.exec, "my-job", behind: "-- make"),
        ]
        var lines = [
            "", "Jobwire listens on \(url)" + (madeSecret ? ", for this machine only." : "."), "",
            "Open      \(url)/#job=\(job)&token=\(token)", "",
            "Follow    \(shell.text(.tail, job))",
            "Publish   \(publish[0])", "          \(publish[1])",
        ]
        if let redis {
            lines.append("          redis-cli -p \(redis.port) publish \(channel) '\(event)'")
        }
        lines += [
            "State     curl -H \"Authorization: Bearer $(\(shell.text(.token, "--jobs=*")))\" \\",
            "            \(url)/api/v1/jobs/\(job)", "",
        ]
        if madeSecret { lines.append("Secret    made for you: \(RunFolder.secretPath(in: root))") }
        if shell.flags.contains(Flag(name: "token-secret", value: nil)) {
            lines.append("Secret    as given with --token-secret; these lines need it, too")
        }
        if let redis {
            lines.append("Redis     its own, redis://127.0.0.1:\(redis.port); log: \(redis.log)")
        }
        if hasDemo { lines.append("Demo      " + Demo.jobs.joined(separator: ", ")) }
        return lines.joined(separator: "\n") + "\n\nCtrl-C ends it.\n\n"
    }

    /// Where the page is opened; what listens everywhere is reached here too.
    private var host: String {
        guard let address = try? ListenAddress.parse(settings.listen),
            case .tcp(let host, _) = address.endpoint, !["", "0.0.0.0", "::"].contains(host)
        else { return "127.0.0.1" }
        return host.contains(":") ? "[\(host)]" : host
    }
}

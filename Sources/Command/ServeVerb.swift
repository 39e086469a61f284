// `jobwire serve`: the server, with everything configured by the operator.

import CLinux
import Loop
import Settings
import Telemetry

extension Verb {
    static let serve = Verb(
        "serve", "The server, as configured; for production",
        forms: ["[SETTING]…"],
        examples: [
            "JOBWIRE_TOKEN_SECRET_FILE=/run/secrets/jobwire jobwire serve",
            "jobwire serve --config=/etc/jobwire.conf --listen=:8080",
            "jobwire check --config=/etc/jobwire.conf && jobwire serve \\",
            "    --config=/etc/jobwire.conf",
        ],
        details: [
            "Serves until SIGTERM or SIGINT, then stops accepting, sends its clients away within"
                + " drain-grace and ends with 0. SIGHUP reads the certificate and the key sets again. The log goes to"
                + " standard error. Several servers may listen on the same address.",
            "It does not start without a key for tokens: token-secret (32 bytes at least),"
                + " token-keys or jwks. To make a secret:"
                + " openssl rand -hex 32 > secret && chmod 600 secret",
        ]
    ) { call throws(Failure) in
        try call.settings.check()
        Signals.block([SIGTERM, SIGINT, SIGHUP])
        try call.serve(call.settings) { _ in }
        return .done
    }
}

extension Settings {
    /// All problems in one failure.
    func check() throws(Failure) {
        do throws(SettingsFault) { try checked() } catch { throw Failure(.usage, "\(error)") }
    }

    func makeLog() -> Log {
        Log(
            level: Log.Level(rawValue: logLevel.rawValue) ?? .info,
            format: Log.Format(rawValue: logFormat.rawValue) ?? .text)
    }
}

extension Call {
    func serve(
        _ settings: Settings, endsOnHangUp: Bool = false,
        whenListening: @escaping (_ port: Int) -> Void
    ) throws(Failure) {
        do {
            try place.serve(settings, settings.makeLog(), endsOnHangUp, whenListening)
        } catch { throw Failure(.failed, "\(error)") }
    }
}

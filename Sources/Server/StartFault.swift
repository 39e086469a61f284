// StartFault is why a server could not begin: each case says what to do about it.

import Loop
import Redis
import Tokens

public enum StartFault: Error, CustomStringConvertible {
    case noSecret
    case token(TokenSetupFault)
    case setting(String, String)
    case cannotListen(ListenAddress, SystemError)
    case certificate(TLSFault)
    case loopFailed
    case system(SystemError)

    public var description: String {
        switch self {
        case .noSecret:
            "token-secret: none is configured, no token-keys and no jwks either, and without a key "
                + "nobody could be let in. Make a secret with "
                + "`openssl rand -hex 32` and set JOBWIRE_TOKEN_SECRET, or put it into a file and set "
                + "JOBWIRE_TOKEN_SECRET_FILE. To try Jobwire out, `jobwire run` makes one itself."
        case .token(let fault): "\(fault.setting): \(fault)"
        case .setting(let name, let reason): "\(name): \(reason)"
        case .cannotListen(let address, let error): "listen: cannot listen on \(address): \(error)"
        case .certificate(let fault): "tls-certificate: \(fault)"
        case .loopFailed: "an event loop could not begin; the log says why"
        case .system(let error): "the system refused to start the server: \(error)"
        }
    }
}

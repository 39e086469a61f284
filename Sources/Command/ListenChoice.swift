// Which address `jobwire run` listens on.

import Loop

enum ListenChoice {
    /// Tried when no address was configured.
    static let ports: ClosedRange<UInt16> = 8_080...8_099

    static func isLoopback(_ listen: String) throws(Failure) -> Bool {
        switch try endpoint(listen) {
        case .unix: true
        case .tcp(let host, _): host.hasPrefix("127.") || host == "::1"
        }
    }

    /// The configured address, which must be free; otherwise the first free port of ours.
    static func choose(
        _ listen: String, isConfigured: Bool, isFree: (_ host: String, _ port: UInt16) -> Bool
    ) throws(Failure) -> String {
        guard case .tcp(let host, let number) = try endpoint(listen),
            let port = UInt16(exactly: number), port > 0
        else { return listen }
        if isConfigured {
            guard isFree(host, port) else {
                throw Failure(
                    .failed,
                    "listen: \(listen) is in use; choose another with --listen or JOBWIRE_LISTEN")
            }
            return listen
        }
        guard let free = ports.first(where: { isFree(host, $0) }) else {
            throw Failure(
                .failed,
                "listen: the ports \(ports.lowerBound) to \(ports.upperBound) are all in use;"
                    + " choose another with --listen or JOBWIRE_LISTEN")
        }
        return "\(host):\(free)"
    }

    private static func endpoint(_ listen: String) throws(Failure) -> Endpoint {
        do throws(ListenAddressFault) {
            return try ListenAddress.parse(listen).endpoint
        } catch {
            throw Failure(.usage, "listen: expected address:port such as 127.0.0.1:8080")
        }
    }
}

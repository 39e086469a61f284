// What a worker answers for the whole house.

import Bytes
import JSON
import Jobs
import Loop
import Synchronization
import Telemetry
import Tokens
import Wire

extension Worker {
    func connected(_ grant: Grant, _ subscribed: SubscribedSubject?) -> SharedBytes {
        ServerMessage.connected(
            server: "jobwire/\(Server.version)",
            heartbeatSeconds: max(1, Int(settings.pingInterval.components.seconds)),
            expiresAt: end(of: grant),
            subscribed: subscribed)
    }

    /// 9999-12-31T23:59:59Z.
    private static let lastSecond: Int64 = 253_402_300_799

    func end(of grant: Grant) -> WallTime? {
        // A year has four digits in RFC 3339; a token may last longer.
        grant.expiresAt.map { WallTime(milliseconds: min($0, Self.lastSecond) * 1_000) }
    }

    /// How long until its token ends, as the client counts; nil where it has no end.
    func timeLeft(of grant: Grant) -> Duration? {
        lifeLeft(of: grant).map { $0 - settings.tokenLeeway }
    }

    /// It was good when it came, which may be a while ago.
    func checkStill(_ grant: Grant) throws(Close) {
        try door.checkStill(grant)
        if let left = lifeLeft(of: grant), left <= .zero { throw .tokenExpired }
    }

    /// How long a grant still lasts; nil where it has no end.
    func lifeLeft(of grant: Grant) -> Duration? {
        guard let expiresAt = grant.expiresAt else { return nil }
        let end = expiresAt.addingReportingOverflow(settings.tokenLeeway.components.seconds)
        let now = WallClock.milliseconds()
        let left = end.partialValue.multipliedReportingOverflow(by: 1_000)
        guard !end.overflow, !left.overflow else { return nil }
        return .milliseconds(left.partialValue - now)
    }

    func release(_ caller: Caller) {
        metrics.connections.add(-1)
        caller.release()
    }

    func readiness() -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("ready")
        json.bool(house.isReady)
        json.key("updates")
        json.string(house.flow.load(ordering: .relaxed).word)
        json.key("keys")
        json.bool(house.areKeysHere.load(ordering: .relaxed))
        json.key("revocations")
        json.bool(house.areRevocationsKnown.load(ordering: .relaxed))
        json.key("draining")
        json.bool(isDraining)
        json.endObject()
        return .json(house.isReady ? 200 : 503, json.bytes)
    }

    func metricsPage() -> Response {
        Response(
            status: 200,
            headers: [("content-type", "text/plain; version=0.0.4; charset=utf-8")],
            body: Array(house.metrics.prometheus().utf8))
    }
}

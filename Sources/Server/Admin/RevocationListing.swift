// RevocationListing is what HTTP tells of revocations.

import Fleet
import JSON
import Jobs
import Wire

enum RevocationListing {
    static let limitDefault = 100
    static let limitMax = 1_000

    /// Those that count longest come first.
    static func response(_ revocations: Revocations, limit: Int) -> Response {
        let all = revocations.all.sorted { $0.until > $1.until }
        var json = JSONWriter()
        json.beginObject()
        json.key("revocations")
        json.beginArray()
        for each in all.prefix(limit) {
            json.beginObject()
            write(each, to: &json)
            json.endObject()
        }
        json.endArray()
        json.key("count")
        json.integer(all.count)
        json.endObject()
        return .json(200, json.bytes)
    }

    static func response(_ revocation: Revocation) -> Response {
        var json = JSONWriter()
        json.beginObject()
        write(revocation, to: &json)
        json.endObject()
        return .json(200, json.bytes)
    }

    private static func write(_ revocation: Revocation, to json: inout JSONWriter) {
        switch revocation.target {
        case .token(let name):
            json.key("jti")
            json.string(name.text)
        case .subject(let name, let issuedUntil):
            json.key("sub")
            json.string(name.text)
            json.key("issued_until")
            json.string(time(issuedUntil))
        }
        if let issuer = revocation.name.issuer {
            json.key("iss")
            json.string(issuer)
        }
        json.key("expires_at")
        json.string(time(revocation.until))
    }

    private static func time(_ seconds: Int64) -> String {
        let (milliseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
        return WallTime(milliseconds: overflows ? .max : milliseconds).description
    }
}

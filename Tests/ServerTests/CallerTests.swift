// What a connection is counted for is given back once, however it went and however it ended.

import Loop
import Settings
import Support
import Telemetry
import Testing
import Tokens

@testable import Server
@testable import Wire

@Suite("Callers")
struct CallerTests {
    static func house(_ change: (inout Settings) -> Void = { _ in }) throws -> House {
        var settings = Settings()
        settings.tokenSecret = Secret(Token.secret)
        settings.trustedProxies = ["10.0.0.0/24", "unix"]
        change(&settings)
        return try House(settings: settings, loops: 1, log: LogBook().log)
    }

    static func head(_ lines: String...) throws -> RequestHead {
        let text = (["GET / HTTP/1.1", "host: a"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return try #require(try HeadReader(limits: HeadLimits()).read(Array(text.utf8).span)).0
    }

    @Test(
        "after thousands of connections that went and ended in any way, nothing is counted",
        arguments: [1, 2, 3, 4], [true, false])
    func random(seed: UInt64, proxyProtocol: Bool) throws {
        let house = try Self.house {
            $0.connectionsMax = 60
            $0.connectionsPerAddressMax = 5
            $0.connectionsPerSubjectMax = 4
            $0.proxyProtocol = proxyProtocol
        }
        var dice = Dice(seed: seed)
        let peers =
            try ["10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]
            .map { try #require(PeerAddress(parsing: $0)) } + [.unix]
        let heads = try [
            Self.head(), Self.head("x-forwarded-for: 192.0.2.1"),
            Self.head("x-forwarded-for: 198.51.100.7, 10.0.0.9"),
            Self.head("x-forwarded-for: nonsense"),
        ]
        let grants = [
            Grant(), Grant(subject: "u"), Grant(subject: "u", issuer: "i"), Grant(subject: "v"),
        ]
        var open: [(caller: Caller, hop: PeerAddress, isLasting: Bool)] = []
        var verdicts: Set<String> = []
        var serials: Set<Int> = []
        for _ in 0..<5_000 {
            if open.isEmpty || dice.throwDie(3) == 0 {
                let peer = peers[dice.throwDie(peers.count)]
                let caller = Caller(peer, house)
                #expect(serials.insert(caller.serial).inserted)
                let hop = dice.throwDie(2) == 0 ? peer : peers[dice.throwDie(peers.count)]
                caller.introduced(as: hop)
                verdicts.insert("\(caller.verdict)")
                if caller.verdict == .admitted, !caller.isAdmitted { verdicts.insert("introduced") }
                open.append((caller, proxyProtocol ? hop : peer, false))
                continue
            }
            let index = dice.throwDie(open.count)
            let caller = open[index].caller
            switch dice.throwDie(5) {
            case 0 where !open[index].isLasting:
                _ = caller.read(heads[dice.throwDie(heads.count)], from: open[index].hop)
            case 1:
                open[index].isLasting = true
                if !caller.countAddress() { verdicts.insert("crowded") }
            case 2:
                open[index].isLasting = true
                if !caller.count(grants[dice.throwDie(grants.count)]) { verdicts.insert("subject") }
            case 3:
                caller.letGo()
                open[index].isLasting = false
            default:
                caller.release()
                open.remove(at: index)
            }
            let counts = house.admission.counts
            #expect(counts.total == open.count { $0.caller.verdict != .noRoomToRefuse })
            #expect(counts.byAddress.values.allSatisfy { 1...5 ~= $0 })
            #expect(counts.byHolder.values.allSatisfy { 1...4 ~= $0 })
        }
        for (caller, _, _) in open { caller.release() }
        #expect(house.admission.counts == Admission.Counts())
        // All of it was tried, or the counting proves little.
        let all = [
            "admitted", "tooMany", "tooManyFromAddress", "noRoomToRefuse", "crowded", "subject",
        ]
        #expect(verdicts == Set(all + (proxyProtocol ? ["introduced"] : [])))
    }

    @Test(
        "tokens without a subject have nothing in common, and an issuer's subject is not another's")
    func holders() {
        #expect(TokenHolder(Grant()) == nil && TokenHolder(Grant(issuer: "i")) == nil)
        let all = [
            Grant(subject: "u"), Grant(subject: "u", issuer: "i"), Grant(subject: "u", issuer: ""),
            Grant(subject: "iu"), Grant(subject: "u", issuer: "j"), Grant(subject: "é"),
            Grant(subject: "e\u{301}"),
        ].map(TokenHolder.init)
        #expect(Set(all).count == all.count)
        #expect(TokenHolder(Grant(subject: "u", issuer: "i", id: "1")) == all[1])
    }

    @Test(
        "the client is the last address that no trusted proxy has, and unread words change nothing")
    func forwarded() throws {
        let trusted = try TrustedProxies(["10.0.0.0/8", "fd00::/8", "unix"])
        let hop = try #require(PeerAddress(parsing: "10.0.0.1:5000"))
        let table: [(list: [String], client: String, isReadable: Bool)] = [
            ([], "10.0.0.1:5000", true), (["192.0.2.1"], "192.0.2.1", true),
            (["6.6.6.6", "192.0.2.1"], "192.0.2.1", true),
            (["6.6.6.6", "192.0.2.1", "10.1.1.1", "fd00::1"], "192.0.2.1", true),
            (["10.9.9.9", "10.1.1.1"], "10.9.9.9", true),
            (["[2001:db8::1]:99"], "[2001:db8::1]:99", true),
            (["192.0.2.1:99"], "192.0.2.1:99", true),
            (["garbage", "192.0.2.1"], "192.0.2.1", true),
            (["192.0.2.1", "garbage"], "10.0.0.1:5000", false),
            (["192.0.2.1", "unknown", "10.1.1.1"], "10.1.1.1", false),
            (["192.0.2.1", "::ffff:10.1.1.1"], "192.0.2.1", true),
            (["unix:"], "10.0.0.1:5000", false),
            ([String](repeating: "10.0.0.1", count: 4_000), "10.0.0.1", true),
        ]
        for row in table {
            let forwarded = Forwarded(for: row.list, proto: [], from: hop, trusted: trusted)
            #expect(forwarded.client.description == row.client, "\(row.list.prefix(5))")
            #expect(forwarded.isReadable == row.isReadable && forwarded.isSecure == nil)
        }
        let stranger = try #require(PeerAddress(parsing: "192.0.2.9"))
        #expect(
            Forwarded(for: ["1.1.1.1"], proto: [], from: stranger, trusted: trusted).client
                == stranger)
        let schemes: [(list: [String], schemes: [String], isSecure: Bool?)] = [
            (["192.0.2.1"], ["https"], true), (["192.0.2.1"], ["HTTPS"], true),
            (["192.0.2.1"], ["http"], false),
            ([], ["https"], true), (["192.0.2.1"], ["nonsense"], false),
            // The outermost proxy heard TLS, the one behind it did not; a client's own word is before theirs.
            (["192.0.2.1", "10.1.1.1"], ["https", "http"], true),
            (["6.6.6.6", "192.0.2.1"], ["https", "http"], false),
            (["192.0.2.1", "10.1.1.1"], ["http"], false),
        ]
        for row in schemes {
            let forwarded = Forwarded(
                for: row.list, proto: row.schemes, from: hop, trusted: trusted)
            #expect(forwarded.isSecure == row.isSecure, "\(row.list) \(row.schemes)")
        }
    }

    @Test("a bad word among the trusted proxies stops the start and is named")
    func badProxies() throws {
        for (text, why) in [
            ("10.0.0.1/8", "below its prefix"), ("proxy", "no IPv4"), ("::/200", "number of bits"),
        ] {
            do {
                _ = try Self.house { $0.trustedProxies = ["127.0.0.1", text] }
                Issue.record("\(text) was taken")
            } catch {
                #expect("\(error)".hasPrefix("trusted-proxies: \"\(text)\""), "\(error)")
                #expect("\(error)".contains(why))
            }
        }
    }
}

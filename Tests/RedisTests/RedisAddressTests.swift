// A URL is read right, or refused with a name and without its password.

import Loop
import Redis
import Testing

@Suite("RedisAddress")
struct RedisAddressTests {
    @Test(
        "reads every form of a URL",
        arguments: [
            ("redis://h", RedisAddress(endpoint: .tcp(host: "h", port: 6379))),
            ("REDIS://h:1/", RedisAddress(endpoint: .tcp(host: "h", port: 1))),
            (
                "redis://h:65535/15",
                RedisAddress(endpoint: .tcp(host: "h", port: 65_535), database: 15)
            ),
            ("redis://[::1]", RedisAddress(endpoint: .tcp(host: "::1", port: 6379))),
            (
                "redis://[fe80::1%eth0]:7/3",
                RedisAddress(endpoint: .tcp(host: "fe80::1%eth0", port: 7), database: 3)
            ),
            (
                "rediss://a.b-c_d",
                RedisAddress(endpoint: .tcp(host: "a.b-c_d", port: 6379), usesTLS: true)
            ),
            ("redis://:p@h", RedisAddress(endpoint: .tcp(host: "h", port: 6379), password: "p")),
            (
                "redis://u:p:q@h",
                RedisAddress(endpoint: .tcp(host: "h", port: 6379), user: "u", password: "p:q")
            ),
            (
                "redis://u:p@q@h",
                RedisAddress(endpoint: .tcp(host: "h", port: 6379), user: "u", password: "p@q")
            ),
            (
                "redis://%C3%BC:%2F%3f%23%25@h",
                RedisAddress(endpoint: .tcp(host: "h", port: 6379), user: "ü", password: "/?#%")
            ),
            ("unix:///run/r.sock", RedisAddress(endpoint: .unix(path: "/run/r.sock"))),
            ("unix://r.sock", RedisAddress(endpoint: .unix(path: "r.sock"))),
            ("unix:///a%20b@c?db=4", RedisAddress(endpoint: .unix(path: "/a b@c"), database: 4)),
            (
                "unix://u:p@/r.sock?db=1",
                RedisAddress(
                    endpoint: .unix(path: "/r.sock"), user: "u", password: "p", database: 1)
            ),
        ])
    func reads(url: String, expected: RedisAddress) throws {
        #expect(try RedisAddress(parsing: url) == expected)
    }

    @Test(
        "names what is wrong with a URL",
        arguments: [
            ("", RedisURLFault.schemeMissing), ("h:6379", .schemeMissing),
            ("redis:/h", .schemeMissing),
            ("http://h", .schemeUnknown), ("://h", .schemeUnknown),
            ("redis://:secret#x@h", .fragment), ("redis://h?db=1", .queryUnknown),
            ("unix:///s?database=1", .queryUnknown), ("redis://secret@h", .passwordMissing),
            ("redis://u:@h", .passwordMissing), ("redis://@h", .passwordMissing),
            ("redis://", .hostMissing), ("redis:///1", .hostMissing), ("redis://:1", .hostMissing),
            ("redis://[]:1", .hostMissing), ("redis://[::1", .hostMalformed),
            ("redis://[::1]x", .hostMalformed), ("redis://a b", .hostMalformed),
            ("redis://h%41", .hostMalformed), ("redis://::1", .hostMissing),
            ("redis://a:b:c", .portMalformed), ("redis://h:", .portMalformed),
            ("redis://h:0", .portMalformed), ("redis://h:65536", .portMalformed),
            ("redis://h:+1", .portMalformed), ("redis://h:99999999999999999999", .portMalformed),
            ("redis://h/x", .databaseMalformed), ("redis://h/-1", .databaseMalformed),
            ("redis://h/1/2", .databaseMalformed), ("redis://h/2147483648", .databaseMalformed),
            ("redis://u:1234/secret@h", .databaseMalformed), ("unix:///s?db=", .databaseMalformed),
            ("unix://", .pathMissing), ("unix://?db=1", .pathMissing),
            ("unix:///" + String(repeating: "a", count: 107), .pathTooLong),
            ("unix:///a%0", .escapeMalformed), ("unix:///a%00", .escapeMalformed),
            ("redis://u:%zz@h", .escapeMalformed), ("redis://u:%+1@h", .escapeMalformed),
            ("redis://u:%ff@h", .escapeMalformed),
        ])
    func refuses(url: String, expected: RedisURLFault) {
        let fault = #expect(throws: expected) { try RedisAddress(parsing: url) }
        #expect(fault?.description.contains("secret") == false)
    }

    @Test("takes a socket path of exactly the longest length")
    func longestPath() throws {
        let path = "/" + String(repeating: "a", count: RedisAddress.socketPathBytesMax - 1)
        #expect(try RedisAddress(parsing: "unix://" + path).endpoint == .unix(path: path))
    }

    @Test(
        "describes itself without the password",
        arguments: [
            ("redis://u:secret@[::1]:1/2", "redis://u:***@[::1]:1/2"),
            ("rediss://:secret@h", "rediss://:***@h:6379/0"),
            ("unix://u:secret@/s", "unix://u:***@/s?db=0"), ("redis://h", "redis://h:6379/0"),
        ])
    func hidesPassword(url: String, shown: String) throws {
        let address = try RedisAddress(parsing: url)
        #expect("\(address)" == shown)
        var dumped = ""
        dump(address, to: &dumped)
        #expect(!dumped.contains("secret"))
        #expect(!String(reflecting: Optional(address)).contains("secret"))
    }
}

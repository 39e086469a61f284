// What settings say about each other, and the page that is made from their table.

import Foundation
import Testing

@testable import Settings

@Suite("Settings together")
struct SettingsCheckTests {
    static let secret = "--token-secret=0123456789abcdef0123456789abcdef"

    @Test("the defaults and a secret are enough to serve; `run` needs no secret")
    func defaults() throws {
        try invocation([Self.secret]).settings.checked()
        try Settings().checked(needsTokenSecret: false)
        #expect(
            faults { () throws(SettingsFault) in try Settings().checked() }.map(\.setting) == [
                "token-secret"
            ])
    }

    @Test(
        "settings that cannot work together are refused",
        arguments: [
            (
                ["--token-secret=0123456789abcdef0123456789abcde"],
                "token-secret: has 31 bytes and needs 32 at least"
            ),
            (["--tls-key=k"], "tls-key: needs tls-certificate too"),
            (["--tls-certificate=c"], "tls-certificate: needs tls-key too"),
            (
                ["--redis-key=k", "--redis-url=rediss://h"],
                "redis-key: needs redis-certificate too"
            ),
            (["--redis-ca=c"], "redis-ca: is for TLS and needs a rediss:// redis-url"),
            (["--redis-url=http://h"], "redis-url: expected redis://…, rediss://… or unix://…"),
            (["--redis-url="], "redis-url: expected redis://…, rediss://… or unix://…"),
            (["--listen=localhost"], "listen: expected address:port such as 127.0.0.1:8080"),
            (["--listen=:65536"], "listen: expected address:port such as 127.0.0.1:8080"),
            (["--listen=::1:80"], "listen: an IPv6 address stands in brackets: [::1]:8080"),
            (
                ["--allowed-origins=app.example.com"],
                #"allowed-origins: "app.example.com" is no origin such as https://app.example.com"#
            ),
            (
                ["--allowed-origins=https://a/"],
                #"allowed-origins: "https://a/" is no origin such as https://app.example.com"#
            ),
            (
                ["--outbox-bytes-max=64KiB"],
                "outbox-bytes-max: below event-bytes-max: one large event would set every client back"
            ),
            (["--http-head-bytes-max=4KiB"], "http-head-bytes-max: below http-line-bytes-max"),
            (["--patterns="], "patterns: at least one is needed"),
            (
                ["--patterns=job:updates"],
                #"patterns: "job:updates" needs exactly one *, for the job id, or # and the member of the message that has it"#
            ),
            (
                ["--patterns=a:*:*"],
                #"patterns: "a:*:*" needs exactly one *, for the job id, or # and the member of the message that has it"#
            ),
            (
                ["--patterns=job:*:[ab]"],
                #"patterns: "job:*:[ab]" needs a channel, which may hold no ? [ ] \ or space"#
            ),
            (
                ["--feeds=news"],
                #"feeds: "news" needs exactly one *, for the feed's name, or name=channel"#
            ),
            (
                ["--feeds=a b=news"],
                #"feeds: "a b=news" has a bad name before the =: a job id must not contain a space"#
            ),
            (
                ["--patterns=job-progress#"],
                #"patterns: "job-progress#" needs members behind the #, such as jobId or jobId|data.jobId"#
            ),
            (
                ["--patterns=celery-*", "--celery-results"],
                #"celery-results: "celery-task-meta-*" and "celery-*" could match the same channel"#
                    + ": make one of them narrower, or leave it out"
            ),
            (
                ["--patterns=*.celeryev/*", "--celery-events"],
                #"patterns: "*.celeryev/*" needs exactly one *, for the job id, or # and the member of the message that has it"#
            ),
            (
                ["--patterns=/*#id", "--celery-events"],
                #"celery-events: "/*.celeryev/task.*#uuid" and "/*#id" could match the same channel"#
                    + ": make one of them narrower, or leave it out"
            ),
            (["--feeds=a="], #"feeds: "a=" needs a channel, which may hold no ? [ ] \ or space"#),
            (
                ["--feeds=a=job:news:updates"],
                #"feeds: "a=job:news:updates" and "job:*:updates" could match the same channel"#
                    + ": make one of them narrower, or leave it out"
            ),
            (
                ["--feeds=a=jobwire:*"],
                #"feeds: "a=jobwire:*" and Jobwire's own channels could match the same channel"#
                    + ": make one of them narrower, or leave it out"
            ),
            (
                ["--patterns=job:*,job:*:updates"],
                #"patterns: "job:*:updates" and "job:*" could match the same channel: make one of them narrower, or leave it out"#
            ),
            (
                ["--patterns=*", "--feeds="],
                #"patterns: "*" and Jobwire's own channels could match the same channel: make one of them narrower, or leave it out"#
            ),
            (
                ["--patterns=jobwire:x:*"],
                #"patterns: "jobwire:x:*" and Jobwire's own channels could match the same channel: make one of them narrower, or leave it out"#
            ),
            (
                ["--key-prefix=a b"],
                "key-prefix: expected 1 to 64 letters, digits and any of _ . : -"
            ),
        ] as [([String], String)])
    func together(arguments: [String], says: String) throws {
        let secret = arguments[0].hasPrefix("--token-secret") ? [] : [Self.secret]
        let settings = try invocation(arguments + secret).settings
        let found = faults { () throws(SettingsFault) in try settings.checked() }
        #expect(found.map(\.description) == [says])
    }

    @Test("all that works together is let through")
    func accepted() throws {
        for arguments in [
            ["--patterns=job:*:updates,task:*:updates,celery-*", "--listen=[::]:0"],
            ["--feeds=feed:*:updates,training=training:updates,nodes=fleet:*:news:*"], ["--feeds="],
            [
                "--patterns=job:*:updates,job-progress#jobId|data.jobId", "--celery-results",
                "--celery-events",
            ],
            [
                "--redis-url=rediss://u:p@h:1/2", "--redis-ca=c", "--redis-certificate=a",
                "--redis-key=b",
            ],
            ["--redis-url=unix:///run/redis.sock", "--allowed-origins=*"],
            ["--allowed-origins=https://a.example, http://localhost:3000", "--listen=:8080"],
        ] { try invocation(arguments + [Self.secret]).settings.checked() }
    }

    @Test(
        "a slip of the hand is this far from the name",
        arguments: [
            ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("loops", "lops", 1),
            ("listen", "litsen", 1), ("kitten", "sitting", 3), ("ab", "ba", 1),
        ])
    func distance(first: String, second: String, expected: Int) {
        #expect(editDistance(first, second) == expected)
        #expect(editDistance(second, first) == expected)
    }

    @Test(
        "sizes and times are read and shown alike",
        arguments: [
            ("1048576", "1MiB"), ("1mib", "1MiB"), ("1536B", "1536B"), ("65537", "65537B"),
            ("1GiB", "1GiB"),
        ])
    func sizes(text: String, shown: String) throws {
        #expect(ByteSize.text(try #require(ByteSize.read(text))) == shown)
    }

    @Test(
        "times are read and shown alike",
        arguments: [
            ("25s", "25s"), ("1000ms", "1s"), ("60m", "1h"), ("24h", "1d"), ("0s", "0s"),
            ("1500ms", "1500ms"),
        ])
    func times(text: String, shown: String) throws {
        #expect(TimeSpan.text(try #require(TimeSpan.read(text))) == shown)
    }

    @Test(
        "what is no size or time is none",
        arguments: ["", "s", "1", "1x", "1 s", "-1s", "1.5s", "٣s", "1s1s", "1mss"])
    func notTimes(text: String) {
        #expect(TimeSpan.read(text) == nil)
        if text != "1" { #expect(ByteSize.read(text) == nil) }
    }

    @Test("docs/settings.md is what the table says")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = root.appending(path: "docs/settings.md")
        if ProcessInfo.processInfo.environment["REWRITE_DOCS"] != nil {
            try Settings.markdown().write(to: page, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(
            text == Settings.markdown(),
            "REWRITE_DOCS=1 swift test --filter SettingsTests writes it anew")
    }

    @Test("help names every setting, its default and its group, in 100 columns")
    func help() {
        let help = Settings.help()
        for setting in Settings.table {
            #expect(
                help.contains(setting.isSwitch ? setting.name : setting.flag), "\(setting.name)")
        }
        #expect(help.contains("[127.0.0.1:8080]"))
        #expect(help.contains("\nHistory:\n"))
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 100 })
        #expect(
            Help.rows([CommandOption("ttl", as: "TIME", "How long")]) == [
                "  --ttl=TIME                        How long"
            ])
    }
}

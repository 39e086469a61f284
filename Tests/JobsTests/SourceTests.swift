// What is listened to: which words are sources, whose a message is, and which channels they share.

import Jobs
import Testing

@Suite("Sources")
struct SourceTests {
    @Test("a source of jobs needs exactly one * and no other sign of Redis")
    func jobs() throws {
        for text in ["job:*:updates", "*", "a*", "*a", "feed:*", "jöb:*", "a=b:*"] {
            #expect(try Source(job: text).pattern.text == text)
        }
        for text in ["job#id", "a*b*#a.b|c", "x#a|a", "x#a#b"] {
            let source = try Source(job: text)
            #expect(source.namesInMessage && source.pattern.text == text.prefix { $0 != "#" })
            let job = try JobID(checking: "a")
            #expect(!source.namesJobsByChannel && source.channel(of: job) == nil)
        }
        for text in ["a#", "a#|", "a#b|", "a#b..c", "a#.b", "a#a.b.c.d.e.f.g.h.i"] {
            #expect(throws: SourceFault.badPath, "\(text)") { try Source(job: text) }
        }
        for text in ["job", "*:*", "**"] {
            #expect(throws: SourceFault.needsStar(.job), "\(text)") { try Source(job: text) }
        }
        for text in ["", "job:?:*", "job:[ab]:*", "job:\\*", "a*]", "a *", "a*\n"] {
            #expect(throws: SourceFault.badChannel, "\(text)") { try Source(job: text) }
        }
    }

    @Test("a source of feeds has one *, or a name and any channel")
    func feeds() throws {
        for text in ["feed:*:updates", "a=b", "a=b*c*", "a=b=c", "a=*"] {
            #expect(
                try Source(feed: text).pattern.text
                    == text.split(separator: "=", maxSplits: 1).last.map(String.init))
        }
        #expect(throws: SourceFault.needsStar(.feed)) { try Source(feed: "news") }
        #expect(throws: SourceFault.needsStar(.feed)) { try Source(feed: "a:*:*") }
        #expect(throws: SourceFault.badName(.empty)) { try Source(feed: "=news") }
        #expect(throws: SourceFault.badName(.reservedCharacter)) { try Source(feed: "a*=news") }
        for text in ["", "a=", "a=b c", "a=[b]"] {
            #expect(throws: SourceFault.badChannel, "\(text)") { try Source(feed: text) }
        }
    }

    @Test("a source may name what its channels can be of")
    func names() throws {
        let job = try JobID(checking: "a")
        let feed = try JobID(checking: "a", kind: .feed)
        let table: [(source: Source, names: [JobID])] = [
            (try Source(job: "job:*"), [job]), (try Source(feed: "feed:*"), [feed]),
            (try Source(feed: "a=x:*"), [feed]), (try Source(feed: "b=a"), []),
        ]
        for row in table {
            #expect([job, feed].filter(row.source.mayName) == row.names, "\(row.source)")
        }
    }

    @Test("the job is what stands in the place of the *")
    func inTheChannel() throws {
        let table: [(pattern: String, channel: String, job: String?)] = [
            ("job:*:updates", "job:7:updates", "7"), ("job:*:updates", "job:a:b:updates", "a:b"),
            ("*", "x", "x"), ("a*", "ab", "b"), ("*a", "ba", "b"),
            ("job:*:updates", "job:updates:updates", "updates"),
            ("job:*:updates", "job::updates", nil), ("job:*:updates", "job: :updates", nil),
            ("job:*:updates", "job:..:updates", nil), ("job:*:updates", "job:a/b:updates", nil),
            // Redis matches none of these; nothing may break for all that.
            ("job:*:updates", "", nil), ("job:*:updates", "job", nil),
            ("job:*:updates", "job:updates", nil), ("ab*bc", "abc", nil),
        ]
        for row in table {
            for source in [try Source(job: row.pattern), try Source(feed: row.pattern)] {
                let found = try? source.job(in: Array(row.channel.utf8).span)
                #expect(found?.text == row.job, "\(row)")
                guard let found else { continue }
                #expect(found.kind == source.kind)
                #expect(source.channel(of: found) == row.channel)
                #expect(source.namesJobsByChannel == (source.kind == .job))
            }
        }
    }

    @Test("what is published on a channel with a name is of that feed")
    func named() throws {
        let (one, many) = (try Source(feed: "train=t:news"), try Source(feed: "nodes=n:*:*"))
        let (train, nodes) = (
            try JobID(checking: "train", kind: .feed), try JobID(checking: "nodes", kind: .feed)
        )
        #expect(try one.job(in: Array("t:news".utf8).span) == train)
        #expect(try many.job(in: Array("n:a:b".utf8).span) == nodes)
        // Published to is only what has one channel.
        let jobs = try Source(job: "job:*")
        let all = [jobs, many, one, try Source(feed: "f:*")]
        #expect(all.channel(of: train) == "t:news")
        #expect(all.channel(of: nodes) == "f:nodes")
        #expect(all.channel(of: try JobID(checking: "train")) == "job:train")
        #expect([one].channel(of: nodes) == nil && [many].channel(of: nodes) == nil)
    }

    @Test("what says everything about a source differs where anything about it does")
    func described() throws {
        let all = [
            try Source(job: "a*"), try Source(feed: "a*"), try Source(feed: "b=a*"),
            try Source(feed: "a=a*"), try Source(job: "b=a*"), try Source(job: "a*#b"),
            try Source(job: "a*#b|c"), try Source(job: "a*#b.c"),
        ]
        #expect(Set(all.map(\.description)).count == all.count)
    }

    @Test("a pattern matches what Redis says it does, and overlaps are found exactly")
    func patterns() throws {
        let patterns = try words(of: "ab*", upTo: 4).map { try #require(ChannelPattern($0)) }
        // No two of them need a longer one to meet.
        let channels = words(of: "ab", upTo: 7)
        let matched = patterns.map { pattern in
            Set(channels).filter { channel in
                let isMatched = pattern.matches(Array(channel.utf8).span)
                #expect(
                    isMatched == isLike(channel[...], pattern.text[...]),
                    "\(channel) \(pattern.text)")
                return isMatched
            }
        }
        for one in patterns.indices {
            for two in patterns.indices {
                #expect(
                    patterns[one].overlaps(patterns[two])
                        == !matched[one].isDisjoint(with: matched[two]),
                    "\(patterns[one].text) \(patterns[two].text)")
            }
        }
    }

    private func words(of signs: String, upTo length: Int) -> [String] {
        var (all, longest) = ([String](), [""])
        for _ in 0..<length {
            longest = longest.flatMap { word in signs.map { word + String($0) } }
            all += longest
        }
        return all
    }

    /// As plainly as it can be said.
    private func isLike(_ channel: Substring, _ pattern: Substring) -> Bool {
        guard let sign = pattern.first else { return channel.isEmpty }
        if sign == "*" {
            return isLike(channel, pattern.dropFirst())
                || !channel.isEmpty && isLike(channel.dropFirst(), pattern)
        }
        return channel.first == sign && isLike(channel.dropFirst(), pattern.dropFirst())
    }
}

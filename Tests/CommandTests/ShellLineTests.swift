// The lines that `jobwire run` prints, and what it knows of a run before.

import Redis
import Settings
import Testing

@testable import Command

@Suite("Lines to paste")
struct ShellLineTests {
    @Test(
        "a word is one word to the shell",
        arguments: [
            ("plain-1.2", "plain-1.2"), ("", "''"), ("a b", "'a b'"), ("it's", #"'it'\''s'"#),
            ("$HOME", "'$HOME'"), ("~/x", "'~/x'"), ("--jobs=*", "--jobs='*'"),
            ("--data-dir=/a b", "--data-dir='/a b'"), ("--lines", "--lines"),
            (#"--data={"a":1}"#, #"--data='{"a":1}'"#), ("--a b=c", "'--a b=c'"),
            ("-x=$", "'-x=$'"),
        ])
    func words(_ word: String, _ quoted: String) {
        #expect(ShellLine.quoted(word) == quoted)
    }

    @Test("flags of run are repeated where the other verb reads them, and secrets never")
    func flags() {
        let line = ShellLine(
            program: "./my jobwire", dataDir: "d",
            flags: [
                Flag(name: "listen", value: "127.0.0.1:0"), Flag(name: "loops", value: "2"),
                Flag(name: "config", value: "c.conf"), Flag(name: "token-secret", value: nil),
                Flag(name: "token-secret-file", value: "s"), Flag(name: "patterns", value: "a:*"),
            ])
        #expect(
            line.text(.tail, "j")
                == "'./my jobwire' tail j --data-dir=d --config=c.conf --token-secret-file=s")
        #expect(
            line.text(.publish, "j", "--lines")
                == "'./my jobwire' publish j --lines --data-dir=d --config=c.conf --patterns='a:*'")
    }

    @Test("where nothing was given nothing is added")
    func bare() {
        let line = ShellLine(program: "jobwire", dataDir: nil, flags: [])
        #expect(line.text(.tail, "j") == "jobwire tail j")
    }
}

@Suite("What is told anew")
struct KeptJobTests {
    @Test("a job that Redis remembers goes on with its next attempt", arguments: DemoPlot.allCases)
    func demo(_ plot: DemoPlot) {
        var (demo, picture) = (Demo([("a", plot), ("b", plot)], seed: 1), JobPicture())
        _ = picture.hear(
            Array(#"{"type":"complete","data":{"status":"completed","attempt":11}}"#.utf8), seq: 1)
        demo.goOn(after: ["a": 11])
        var (seq, attempts): (UInt64, Set<Int>) = (2, [])
        while attempts.count < 3 {
            let beat = demo.next()
            for match in beat.event.matches(of: /"attempt":([0-9]+)/) {
                guard let attempt = Int(match.1) else { continue }
                #expect(beat.job == "a" ? attempt >= 12 : attempt < 12)
                if beat.job == "a" { attempts.insert(attempt) }
            }
            guard beat.job == "a" else { continue }
            _ = picture.hear(Array(beat.event.utf8), seq: seq)
            if seq == 2 { #expect(!picture.isFinished) }
            seq += 1
        }
        #expect(attempts == [12, 13, 14])
    }

    @Test("what Redis answers of a job")
    func answers() {
        func kept(_ values: RedisReply...) -> KeptJob? { KeptJob(.array(values)) }
        func text(_ text: String) -> RedisReply { .bytes(Array(text.utf8)) }
        #expect(kept(.null, .null, .null) == nil)
        #expect(KeptJob(.error("NOPERM no")) == nil)
        #expect(kept(text("3"), text("11"), .null).map { [$0.attempt] } == [11])
        let most = kept(text("3"), text("\(Int.max)"), .null)
        #expect(most?.attempt == KeptJob.attemptMax)
        #expect(kept(text("3"), .null, .null).map { [$0.attempt] } == [1])
        #expect(kept(text("3"), text("x"), text("5"))?.hasEnded == true)
        #expect(kept(text("3"), text("2"), .null)?.hasEnded == false)
    }
}

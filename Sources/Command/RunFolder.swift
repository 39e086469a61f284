// Where `jobwire run` keeps what must survive it: the token secret, and a folder for each run at the same
// time with the data and the log of its Redis.
//
//     <root>/token-secret     made once, mode 0600, so that tokens and URLs survive a restart
//     <root>/1/lock           held by the run that uses the folder; a second run takes 2
//     <root>/1/address        where that run can be found: `jobwire tail` and `publish` look here
//     <root>/1/redis.sock, redis.log, appendonlydir/

import CLinux
import Settings

extension CommandOption {
    static let dataDir = CommandOption(
        "data-dir", as: "PATH",
        "The folder of jobwire run [$XDG_DATA_HOME/jobwire, else ~/.local/share/jobwire]")
}

struct RunFolder {
    let path: String
    private let lock: FileLock

    static let runsMax = 16

    /// `--data-dir`, or the place where the user's data belongs.
    static func root(_ option: String?, _ environment: [String: String]) throws(Failure) -> String {
        if let option {
            return option.hasPrefix("/") ? option : "\(System.currentFolder())/\(option)"
        }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/jobwire" }
        if let home = environment["HOME"], home.hasPrefix("/") {
            return home + "/.local/share/jobwire"
        }
        throw Failure(.usage, "HOME is not set: say where to keep data with --data-dir=PATH")
    }

    /// The first that no other run has.
    static func claim(in root: String) throws(Failure) -> RunFolder {
        do throws(FileFault) {
            for number in 1...runsMax {
                let path = "\(root)/\(number)"
                try System.makeFolder(path)
                guard let lock = try System.lock(path + "/lock") else { continue }
                System.remove(path + "/address")
                return RunFolder(path: path, lock: lock)
            }
        } catch { throw Failure(.failed, "\(root): \(error)") }
        throw Failure(.failed, "\(runsMax) runs use \(root) already")
    }

    // MARK: - The secret

    static func secretPath(in root: String) -> String { root + "/token-secret" }

    static func makeSecret(in root: String) throws(Failure) -> Secret {
        if let secret = try secret(in: root) { return secret }
        do throws(FileFault) {
            try System.makeFolder(root)
            // Whole before it gets its name, and whoever comes second uses the first one's.
            let draft = secretPath(in: root) + ".\(getpid())"
            guard try System.createPrivateFile(draft, Array((randomHex(bytes: 32) + "\n").utf8))
            else {
                throw FileFault(description: "\(draft) is in the way")
            }
            defer { System.remove(draft) }
            try System.link(draft, to: secretPath(in: root))
        } catch { throw Failure(.failed, "\(secretPath(in: root)): \(error)") }
        guard let secret = try secret(in: root) else {
            throw Failure(.failed, "\(secretPath(in: root)) has gone")
        }
        return secret
    }

    /// Nil where none was made yet.
    static func secret(in root: String) throws(Failure) -> Secret? {
        guard var bytes = try? System.readFile(secretPath(in: root)) else { return nil }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        guard bytes.count >= 32 else {
            throw Failure(
                .failed,
                "\(secretPath(in: root)): no secret of 32 bytes; remove it to get a new one")
        }
        return Secret(bytes: bytes)
    }

    private static func randomHex(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<bytes).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    // MARK: - Where a run can be found

    struct Address: Equatable {
        var url: String
        var redis: String

        var text: String { "url=\(url)\nredis=\(redis)\n" }

        init(url: String, redis: String) { (self.url, self.redis) = (url, redis) }

        init?(reading text: String) {
            var found: [Substring: Substring] = [:]
            for line in text.split(separator: "\n") {
                let name = line.prefix { $0 != "=" }
                found[name] = line.dropFirst(name.count + 1)
            }
            guard let url = found["url"], let redis = found["redis"] else { return nil }
            self.init(url: String(url), redis: String(redis))
        }
    }

    func announce(_ address: Address) throws(Failure) {
        do throws(FileFault) {
            let draft = path + "/address.new"
            System.remove(draft)
            _ = try System.createPrivateFile(draft, Array(address.text.utf8))
            try System.rename(draft, to: path + "/address")
        } catch { throw Failure(.failed, "\(path)/address: \(error)") }
    }

    func withdraw() { System.remove(path + "/address") }

    /// The first run that is alive. One that was killed left its address behind, but not its lock.
    static func running(in root: String) -> Address? {
        for number in 1...runsMax {
            let path = "\(root)/\(number)"
            guard let bytes = try? System.readFile(path + "/address"),
                System.isLocked(path + "/lock"),
                let address = Address(reading: String(decoding: bytes, as: UTF8.self))
            else { continue }
            return address
        }
        return nil
    }
}

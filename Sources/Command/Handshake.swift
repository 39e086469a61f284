// The client's half of the WebSocket handshake: writes the request, and reads what comes back. Pure; the
// key comes in.

import Jobs
import Wire

struct Handshake {
    let request: [UInt8]
    private let accept: String

    static let headBytesMax = 16_384
    static let bodyBytesMax = 4_096

    /// `key` is 16 random bytes.
    init(_ target: TailTarget, query: [(name: String, value: String)], token: String, key: [UInt8])
    {
        let key = AcceptKey.base64(key)
        accept = AcceptKey.answering(key)
        let parameters = query.map { "\($0.name)=\(percentEncoded($0.value))" }
        let path =
            target.path + (parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&"))
        let lines = [
            "GET \(path) HTTP/1.1", "Host: \(target.authority)", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(key)",
            "Authorization: Bearer \(token)", "", "",
        ]
        request = Array(lines.joined(separator: "\r\n").utf8)
    }

    enum Answer: Equatable {
        case more
        /// The WebSocket is open; so many bytes were its head.
        case open(Int)
        case refused(status: Int, body: String)
        /// Not what a WebSocket server answers.
        case strange(String)
    }

    /// Reads an answer from its first byte.
    func read(_ bytes: Span<UInt8>) -> Answer {
        guard let end = endOfHead(bytes) else {
            if bytes.count > Self.headBytesMax { return .strange("its answer has no end") }
            return .more
        }
        let head = Self.text(bytes, 0..<end)
        let lines = head.split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return .strange("it does not speak HTTP")
        }
        guard status == 101 else {
            guard bytes.count - end >= length(of: lines) else { return .more }
            let bodyEnd = min(bytes.count, end + Self.bodyBytesMax)
            return .refused(status: status, body: Self.text(bytes, end..<bodyEnd))
        }
        guard value(of: "sec-websocket-accept", lines) == accept else {
            return .strange("its answer does not match our request")
        }
        return .open(end)
    }

    /// Of the body, as far as we want it; without a length we take what is there.
    private func length(of lines: [Substring]) -> Int {
        let count = value(of: "content-length", lines).flatMap { Int($0) } ?? 0
        return min(max(count, 0), Self.bodyBytesMax)
    }

    private func value(of name: String, _ lines: [Substring]) -> String? {
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else {
                continue
            }
            return line[line.index(after: colon)...].split(separator: " ").joined(separator: " ")
        }
        return nil
    }

    /// The index after the empty line.
    private func endOfHead(_ bytes: Span<UInt8>) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<min(bytes.count, Self.headBytesMax)
        where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10
            && bytes[index - 3] == 13
        {
            return index + 1
        }
        return nil
    }

    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        String(decoding: range.map { bytes[$0] }, as: UTF8.self)
    }
}

/// Whom to follow, and where.
struct TailTarget: Equatable {
    /// Nil where the jobs are named by message.
    let job: JobID?
    let host: String
    let port: Int
    let usesTLS: Bool
    /// A path before ours, where a proxy has one; without a slash at its end.
    let prefix: String

    var path: String {
        let jobs = job.map { "/jobs/\(percentEncoded($0.text))/updates" }
        return "\(prefix)/api/v1/ws\(jobs ?? "")"
    }

    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (usesTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// `http://host:port`, `https://`, `ws://` or `wss://`.
    init(_ url: String, job: JobID?) throws(Failure) {
        func wrong(_ reason: String) -> Failure { Failure(.usage, "--url: \(reason)") }
        guard let mark = url.firstRange(of: "://") else {
            throw wrong("expected a URL such as http://127.0.0.1:8080")
        }
        switch url[..<mark.lowerBound].lowercased() {
        case "http", "ws": usesTLS = false
        case "https", "wss": usesTLS = true
        default: throw wrong("expected http, https, ws or wss before ://")
        }
        let rest = url[mark.upperBound...].prefix { $0 != "?" && $0 != "#" }
        guard rest.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { throw wrong("no such address") }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else { throw wrong("a user or password has no use here") }
        var path = rest[authority.endIndex...]
        while path.last == "/" { path.removeLast() }
        prefix = String(path)
        var (name, number) = (authority, Substring())
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            (name, number) = (authority[..<colon], authority[authority.index(after: colon)...])
            guard let port = UInt16(number), port > 0 else { throw wrong("the port is no port") }
            self.port = Int(port)
        } else {
            port = usesTLS ? 443 : 80
        }
        host =
            name.hasPrefix("[") && name.hasSuffix("]")
            ? String(name.dropFirst().dropLast()) : String(name)
        guard !host.isEmpty else { throw wrong("the host is missing") }
        self.job = job
    }
}

func percentEncoded(_ text: String) -> String {
    text.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            String(UnicodeScalar(byte))
        default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }.joined()
}

// HTTP/1.1 as a test speaks it: requests over one connection, one after the other, answers read whole.

public struct HTTPAnswer: Equatable, Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public var text: String { String(decoding: body, as: UTF8.self) }
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    public static func == (left: Self, right: Self) -> Bool {
        left.status == right.status && left.body == right.body
            && left.headers.elementsEqual(right.headers) { $0 == $1 }
    }
}

extension Connection {
    public func request(
        _ target: String, method: String = "GET", headers: [String] = [], body: [UInt8]? = nil
    ) throws(ConnectionFault) -> HTTPAnswer {
        try sendRequest(target, method: method, headers: headers, body: body)
        return try answer(withoutBody: method == "HEAD")
    }

    /// `trailing` goes out in the same packet, as from a client that does not wait for the answer.
    public func sendRequest(
        _ target: String, method: String = "GET", headers: [String] = [], body: [UInt8]? = nil,
        trailing: [UInt8] = []
    ) throws(ConnectionFault) {
        var lines = ["\(method) \(target) HTTP/1.1"]
        if !headers.contains(where: { $0.lowercased().hasPrefix("host:") }) {
            lines.append("Host: localhost")
        }
        lines += headers
        if let body { lines.append("Content-Length: \(body.count)") }
        let head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        try send(head + (body ?? []) + trailing)
    }

    /// Reads an answer's head. Its body, an endless one say, is left to the caller.
    public func answerHead() throws(ConnectionFault) -> HTTPAnswer {
        let head = try receive(through: "\r\n\r\n")
        var lines = head.split(separator: "\r\n").map(String.init)
        let words = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw .malformed("no status line: \(head)")
        }
        var headers: [(name: String, value: String)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else {
                throw .malformed("no header: \(line)")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers.append((line[..<colon].lowercased(), String(value)))
        }
        return HTTPAnswer(status: status, headers: headers, body: [])
    }

    public func answer(withoutBody: Bool = false) throws(ConnectionFault) -> HTTPAnswer {
        var answer = try answerHead()
        if withoutBody || answer.status < 200 || answer.status == 204 || answer.status == 304 {
            return answer
        }
        if answer.header("transfer-encoding") == "chunked" {
            while true {
                let line = try receive(through: "\r\n")
                guard let size = Int(line.dropLast().prefix { $0 != ";" }, radix: 16) else {
                    throw .malformed("no chunk size: \(line)")
                }
                let chunk = try receive(exactly: size + 2)
                if size == 0 { return answer }
                answer.body += chunk.dropLast(2)
            }
        }
        if let length = answer.header("content-length") {
            guard let length = Int(length) else { throw .malformed("content-length: \(length)") }
            answer.body = try receive(exactly: length)
        } else {
            answer.body = try receiveToEnd()
        }
        return answer
    }
}

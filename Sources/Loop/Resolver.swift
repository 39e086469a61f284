// Resolver looks names up with getaddrinfo, which blocks, so each lookup has a thread of its own
// that ends with it. Results come back through a mailbox.
//
// Invariant: no more than `lookupsMax` threads, also when the name servers never answer.

import CLinux

struct LookupFault: Error, CustomStringConvertible {
    let description: String
}

final class Resolver {
    typealias Answer = Result<[SocketAddress], LookupFault>

    private let mailbox: Mailbox<(Int, Answer)>
    private let lookupsMax: Int
    private var waiting: [Int: (Answer) -> Void] = [:]
    private var lookupCount = 0

    /// The loop attaches `receive` to the mailbox.
    init(mailbox: Mailbox<(Int, Answer)>, lookupsMax: Int) {
        (self.mailbox, self.lookupsMax) = (mailbox, lookupsMax)
    }

    func lookUp(_ host: String, port: UInt16, _ answer: @escaping (Answer) -> Void) {
        guard waiting.count < lookupsMax else {
            return answer(.failure(LookupFault(description: "too many names are being looked up")))
        }
        lookupCount += 1
        let (number, mailbox) = (lookupCount, mailbox)
        do {
            let thread = try LoopThread.start(name: "jobwire-dns") {
                mailbox.post((number, Self.addresses(of: host, port: port)))
            }
            thread.detach()
            waiting[number] = answer
        } catch {
            answer(.failure(LookupFault(description: error.description)))
        }
    }

    /// Nobody will receive any more.
    func abandon() {
        let answers = waiting.values
        waiting = [:]
        for answer in answers { answer(.failure(LookupFault(description: "the loop stopped"))) }
    }

    func receive(_ number: Int, _ answer: Answer) {
        waiting.removeValue(forKey: number)?(answer)
    }

    /// Blocks. `unsafe` marks the list that getaddrinfo makes, which is walked and freed here.
    private static func addresses(of host: String, port: UInt16) -> Answer {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = linux_stream_type()
        unsafe hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            return .failure(LookupFault(description: unsafe String(cString: gai_strerror(code))))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let found = unsafe next, addresses.count < addressesMax {
            if let address = unsafe found.pointee.ai_addr {
                addresses.append(
                    unsafe SocketAddress(copying: address, count: Int(found.pointee.ai_addrlen)))
            }
            unsafe next = found.pointee.ai_next
        }
        return .success(addresses)
    }

    private static let addressesMax = 16
}

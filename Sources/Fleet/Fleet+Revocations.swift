// What is revoked: kept in Redis and in each bridge's memory, announced, and looked at again and again.
//
// Nothing is ever taken off, so both lists are joined: what Redis has is taken over, what it has lost is put
// back. An announcement only names an entry, which Redis is then asked for. Whether something was announced
// to nobody shows in the number of entries, asked twice a second; then, and with each new connection, the
// whole list is read.
//
// Invariant: in memory is what ends after `sweptAt`, of all that was read or revoked here, to `max` entries.

import Loop
import Redis

struct RevocationList {
    static let announcement = "revoked"
    static let pageCount = 500
    static let looksMax = 64
    /// What ended is forgotten here after one of these, in Redis after two: clocks differ.
    static let sweepSeconds: Int64 = 60

    var revocations: Revocations
    var sweptAt: Int64
    /// It was read once, or may not be.
    var isKnown = false
    var isReading = false
    var mustReadAgain = false
    /// While reading: which of ours Redis has, or is about to have.
    var seen: Set<Revocation.Target> = []
    /// Numbers of entries there and here that differ, and that reading it all has not mended.
    var settled: (there: Int, here: Int)?
    var looksInFlight = 0
    var isRefusalTold = false

    init(max: Int, now: Int64) { (revocations, sweptAt) = (Revocations(max: max), now) }

    mutating func connected() { (settled, isRefusalTold) = (nil, false) }

    mutating func disconnected() {
        (isReading, mustReadAgain, looksInFlight, seen) = (false, false, 0, [])
    }

    mutating func insert(_ revocation: Revocation) -> Revocations.Insertion {
        guard revocation.until > sweptAt else { return .known }
        let insertion = revocations.insert(revocation)
        if isReading, revocations.entry(for: revocation)?.target == revocation.target {
            seen.insert(revocation.target)
        }
        return insertion
    }
}

extension Fleet {
    /// All that count, as far as this bridge knows.
    public var revocations: Revocations { list.revocations }

    /// Counts here at once, whatever Redis says; elsewhere when `reply` is told of success. What Redis could
    /// not take it is given when it comes back.
    public func revoke(_ revocation: Revocation, _ reply: @escaping Reply<Void>) {
        let member = revocation.member
        guard member.count <= Revocation.memberBytesMax else { return reply(.failure(.tooLarge)) }
        let earlier = list.revocations.entry(for: revocation)
        switch list.insert(revocation) {
        case .full: return reply(.failure(.full))
        case .new: tell(.revoked([revocation]))
        case .known: break
        }
        let entry = list.revocations.entry(for: revocation) ?? revocation
        store(entry, replacing: earlier) { [weak self] stored in
            if case .success = stored, let self {
                let message = FleetMessage(RevocationList.announcement, entry.member)
                publish(Envelope(from: node, message)) { _ in }
            }
            reply(stored)
        }
    }

    private func store(
        _ entry: Revocation, replacing earlier: Revocation? = nil, _ reply: @escaping Reply<Void>
    ) {
        let member = entry.member
        let over = WallClock.seconds() - 2 * RevocationList.sweepSeconds
        let replaced = earlier.map(\.member).flatMap { $0 == member ? nil : $0 } ?? []
        let arguments = [
            word(String(over)), member, word(String(entry.until)),
            word(String(limits.revocationsMax)),
            replaced,
        ]
        evaluate(FleetKeys.revoke, keys.revoked, arguments) { answer in
            switch answer {
            case .success(.integer(1)): reply(.success(()))
            case .success(.integer(0)): reply(.failure(.full))
            case .success: reply(.failure(.refused("an odd answer")))
            case .failure(let fault): reply(.failure(fault))
            }
        }
    }

    // MARK: hearing of them

    func hearAnnounced(_ member: [UInt8]) {
        guard let revocation = Revocation(member: member, until: .max) else {
            return tell(.status(.strange))
        }
        guard list.looksInFlight < RevocationList.looksMax else { return readList() }
        list.looksInFlight += 1
        send([word("ZSCORE"), keys.revoked, revocation.member]) { [weak self] answer in
            guard let self else { return }
            list.looksInFlight = max(list.looksInFlight - 1, 0)
            guard case .success(let score) = answer, let score = score.text,
                let revocation = Revocation(member: revocation.member, score: score)
            else { return }
            take([revocation])
        }
    }

    private func take(_ found: [Revocation]) {
        var news: [Revocation] = []
        for revocation in found {
            switch list.insert(revocation) {
            case .new: news.append(revocation)
            case .known: break
            case .full: tell(.status(.overfull))
            }
        }
        if !news.isEmpty { tell(.revoked(news)) }
    }

    // MARK: the whole list

    /// Whether there are as many as we know.
    func checkList() {
        let now = WallClock.seconds()
        if now - list.sweptAt >= RevocationList.sweepSeconds {
            list.sweptAt = now
            list.revocations.sweep(now: now)
        }
        guard commands?.state == .ready, !list.isReading else { return }
        let count = [word("ZCOUNT"), keys.revoked, word("(\(list.sweptAt)"), word("+inf")]
        send(count) { [weak self] answer in
            guard let self, !list.isReading else { return }
            switch answer {
            case .success(.integer(let there)):
                let here = list.revocations.count
                guard !list.isKnown || there != here else {
                    list.settled = nil
                    return
                }
                if let settled = list.settled, settled == (Int(there), here) { return }
                list.settled = (Int(there), here)
                readList()
            case .success: break
            case .failure(let fault): listRefused(fault)
            }
        }
    }

    func readList() {
        guard commands?.state == .ready else { return }
        guard !list.isReading else {
            list.mustReadAgain = true
            return
        }
        (list.isReading, list.mustReadAgain, list.seen) = (true, false, [])
        readPage(from: word("0"))
    }

    private func readPage(from cursor: [UInt8]) {
        let count = word(String(RevocationList.pageCount))
        send([word("ZSCAN"), keys.revoked, cursor, word("COUNT"), count]) { [weak self] answer in
            guard let self, list.isReading else { return }
            switch answer {
            case .failure(let fault): listRefused(fault)
            case .success(.array(let parts)):
                guard parts.count == 2, case .bytes(let next) = parts[0],
                    case .array(let words) = parts[1]
                else { return listRefused(.refused("an odd answer to ZSCAN")) }
                takePage(words)
                if next == word("0") { endReading() } else { readPage(from: next) }
            case .success: listRefused(.refused("an odd answer to ZSCAN"))
            }
        }
    }

    private func takePage(_ words: [RedisReply]) {
        var page: [Revocation] = []
        for place in stride(from: 0, to: words.count - 1, by: 2) {
            guard case .bytes(let member) = words[place], let score = words[place + 1].text,
                let revocation = Revocation(member: member, score: score)
            else { continue }
            page.append(revocation)
        }
        take(page)
    }

    private func endReading() {
        list.isReading = false
        putBackWhatIsMissing()
        list.seen = []
        knowList()
        if list.mustReadAgain { readList() }
    }

    /// Redis was restarted, or another one took its place: what it does not have is given to it again.
    private func putBackWhatIsMissing() {
        guard list.revocations.count > list.seen.count else { return }
        let missing = list.revocations.all.filter { !list.seen.contains($0.target) }
        for entry in missing { store(entry) { _ in } }
        tell(.status(.restored(missing.count)))
    }

    private func listRefused(_ fault: FleetFault) {
        list.isReading = false
        switch fault {
        case .notAllowed:
            if !list.isRefusalTold { tell(.status(.mayNot(rules: keys.rules))) }
            // Whoever may not read it has none, and serves without.
            knowList()
        case .refused(let text):
            if !list.isRefusalTold { tell(.status(.listUnreadable(text))) }
        default: return
        }
        list.isRefusalTold = true
    }

    private func knowList() {
        guard !list.isKnown else { return }
        list.isKnown = true
        tell(.revocationsKnown)
    }
}

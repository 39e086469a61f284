// What is revoked: kept in Redis and in each bridge's memory, announced, and looked at again and again.
//
// Nothing is ever taken back, so both lists are joined: what Redis has is taken over, what it has lost is put
// back. An announcement only names an entry, which Redis is then asked for. What was announced to nobody
// shows in the number of entries, asked twice a second: where it is not the one that is expected, and with
// each new connection, the whole list is read.
//
// Invariant: in memory is what ends after `sweptAt`, of all that was read or revoked here, to `max` entries.

import Loop
import Redis

struct RevocationList {
    static let announcement = "revoked"
    static let pageCount = 500
    static let looksMax = 64
    static let replacedMax = 10_000

    var revocations: Revocations
    var sweptAt: Int64
    /// It was read once, or may not be.
    var isKnown = false
    /// How many entries Redis should have that end after `sweptAt`, readable or not; nil when that is not known.
    var expected: Int?
    var reading: Reading?
    var mustReadAgain = false
    var looksInFlight = 0
    /// Entries of ours that another one covers, and that go with the next sweep but one: until then they make a
    /// difference in the number, by which other bridges notice.
    var replaced: (old: [[UInt8]], new: [[UInt8]]) = ([], [])
    var isRefusalTold = false

    struct Reading {
        var count = 0
        /// Which of ours Redis has, or is about to have.
        var seen: Set<Revocation.Target> = []
    }

    init(max: Int, now: Int64) { (revocations, sweptAt) = (Revocations(max: max), now) }

    mutating func disconnected() {
        (reading, mustReadAgain, looksInFlight, expected) = (nil, false, 0, nil)
        isRefusalTold = false
    }

    mutating func insert(_ revocation: Revocation) -> Revocations.Insertion {
        guard revocation.until > sweptAt else { return .known }
        let insertion = revocations.insert(revocation)
        if reading != nil, revocations.entry(for: revocation)?.target == revocation.target {
            reading?.seen.insert(revocation.target)
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
        store(entry) { [weak self] stored in
            if case .success = stored, let self {
                let message = FleetMessage(RevocationList.announcement, entry.member)
                publish(Envelope(from: node, message)) { _ in }
                if let earlier, earlier.target != entry.target,
                    list.replaced.new.count < RevocationList.replacedMax
                {
                    list.replaced.new.append(earlier.member)
                }
            }
            reply(stored)
        }
    }

    private func store(_ entry: Revocation, _ reply: @escaping Reply<Void>) {
        let over = WallClock.seconds() - 2 * limits.sweepInterval.components.seconds
        let arguments = [
            word(String(over)), entry.member, word(String(entry.until)),
            word(String(limits.revocationsMax)),
        ]
        evaluate(FleetKeys.revoke, keys.revoked, arguments) { [weak self] answer in
            switch answer {
            case .success(.integer(0)): reply(.failure(.full))
            case .success(.integer(let added)):
                if added == 1 { self?.list.expected? += 1 }
                reply(.success(()))
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
            if list.revocations.entry(for: revocation)?.target != revocation.target {
                list.expected? += 1
            }
            take([revocation])
        }
    }

    private func take(_ found: [Revocation]) {
        var news: [Revocation] = []
        var isFull = false
        for revocation in found {
            switch list.insert(revocation) {
            case .new: news.append(revocation)
            case .known: break
            case .full: isFull = true
            }
        }
        if isFull { tell(.status(.overfull)) }
        if !news.isEmpty { tell(.revoked(news)) }
    }

    // MARK: the whole list

    /// Whether there are as many as we know.
    func checkList() {
        let now = WallClock.seconds()
        if now - list.sweptAt >= limits.sweepInterval.components.seconds { sweep(now) }
        guard commands?.state == .ready, list.reading == nil, list.looksInFlight == 0 else {
            return
        }
        let count = [word("ZCOUNT"), keys.revoked, word("(\(list.sweptAt)"), word("+inf")]
        send(count) { [weak self] answer in
            guard let self, list.reading == nil else { return }
            switch answer {
            case .success(.integer(let there)): if Int(there) != list.expected { readList() }
            case .success: break
            case .failure(let fault): listRefused(fault)
            }
        }
    }

    private func sweep(_ now: Int64) {
        list.sweptAt = now
        list.revocations.sweep(now: now)
        let covered = list.replaced.old
        list.replaced = (list.replaced.new, [])
        if !covered.isEmpty { send([word("ZREM"), keys.revoked] + covered) { _ in } }
        readList()
    }

    func readList() {
        guard commands?.state == .ready else { return }
        guard list.reading == nil else {
            list.mustReadAgain = true
            return
        }
        (list.reading, list.mustReadAgain) = (RevocationList.Reading(), false)
        readPage(from: word("0"))
    }

    private func readPage(from cursor: [UInt8]) {
        let count = word(String(RevocationList.pageCount))
        send([word("ZSCAN"), keys.revoked, cursor, word("COUNT"), count]) { [weak self] answer in
            guard let self, list.reading != nil else { return }
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
            guard let score = words[place + 1].text else { continue }
            if Double(score) ?? 0 > Double(list.sweptAt) { list.reading?.count += 1 }
            guard case .bytes(let member) = words[place],
                let revocation = Revocation(member: member, score: score)
            else { continue }
            page.append(revocation)
        }
        take(page)
    }

    private func endReading() {
        guard let reading = list.reading else { return }
        (list.reading, list.expected) = (nil, reading.count)
        putBack(allBut: reading.seen)
        knowList()
        if list.mustReadAgain { readList() }
    }

    /// Redis was restarted, or another one took its place: what it does not have is given to it again.
    private func putBack(allBut seen: Set<Revocation.Target>) {
        guard list.revocations.count > seen.count else { return }
        let missing = list.revocations.all.filter { !seen.contains($0.target) }
        for entry in missing { store(entry) { _ in } }
        tell(.status(.restored(missing.count)))
    }

    private func listRefused(_ fault: FleetFault) {
        list.reading = nil
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

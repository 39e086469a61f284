// How a session is read from the hub what it is owed of jobs: at its own pace, the jobs in turn.

import Hub
import Jobs
import Loop
import Telemetry
import Wire

/// Jobs in the order of their coming, each once. A view may bring thousands at a time.
final class ReadingList {
    private var order: [JobID] = []
    private var head = 0
    private(set) var members: Set<JobID> = []

    var isEmpty: Bool { members.isEmpty }

    /// The next one. Those that were removed meanwhile are passed over.
    var first: JobID? {
        while head < order.count, !members.contains(order[head]) { head += 1 }
        return head < order.count ? order[head] : nil
    }

    func append(_ job: JobID) {
        guard members.insert(job).inserted else { return }
        if head > 32, head > order.count / 2 {
            order.removeFirst(head)
            head = 0
        }
        order.append(job)
    }

    func remove(_ job: JobID) {
        guard members.remove(job) != nil else { return }
        if head < order.count, order[head] == job { head += 1 }
    }
}

extension Session {
    /// From here on the job is read from the hub's ring until the client has caught up.
    func resume(_ job: JobID) {
        read(job)
        readOn()
    }

    private func read(_ job: JobID) {
        let reading = reading ?? ReadingList()
        reading.append(job)
        self.reading = reading
    }

    /// False where the client owes so much that it must be read on at its own pace. What this tick
    /// itself brought is not its fault: only older debts count.
    var hasRoom: Bool {
        stream.owedSince == nil || stream.owedBytes <= worker.settings.outboxBytesMax / 2
    }

    /// It was not sent what a tick brought of the job.
    func fallBehind(on job: JobID) {
        read(job)
        worker.readLater(id)
    }

    /// Reads on what the client is still owed of histories, as far as its outbox has room.
    func readOn() {
        let room = min(Self.replayBytesMax, worker.settings.outboxBytesMax / 2)
        while let job = reading?.first, !isClosing, stream.owedBytes < room {
            let (items, hasCaughtUp) = worker.hub.read(
                job, for: id, bytes: room - stream.owedBytes, at: worker.loop.now.nanoseconds)
            for item in items { send(item, of: job) }
            reading?.remove(job)
            // To the back, so that a busy job does not keep the others waiting.
            if !hasCaughtUp { reading?.append(job) }
        }
        if isListening { stream.resumeReading() }
        if reading?.isEmpty == true { reading = nil }
        if reading != nil, !isClosing { worker.readLater(id) }
    }

    private func send(_ item: Item, of job: JobID) {
        switch item {
        case .entry(let entry):
            worker.metrics.replayedEvents.add(1)
            worker.metrics.messagesOut.add(1)
            deliver(worker.frame(of: entry, form), upTo: entry)
        case .gap(let gap): send(worker.frame(of: gap, in: job))
        case .live(let epoch, let seq):
            send(ServerMessage.live(.job(job), epoch: epoch, seq: seq))
        }
    }
}

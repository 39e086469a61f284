// Mailbox is the only way into a loop from another thread.
//
// Any thread posts; the loop it is attached to receives, in the order of posting. A burst of posts
// costs one wake: only the post that finds the box empty writes to the eventfd.
//
// Invariant: `waiting` is touched under the lock only. Whoever posts bounds what it posts.

public final class Mailbox<Message: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private var waiting: [Message] = []
    let descriptor: Descriptor

    public init() throws(SystemError) { descriptor = try .eventCounter() }

    public func post(_ message: Message) {
        let wasEmpty = lock.withLock {
            waiting.append(message)
            return waiting.count == 1
        }
        if wasEmpty { descriptor.wake() }
    }

    /// Swaps what waits with the empty `batch`, whose memory is thus used again.
    func take(_ batch: inout [Message]) {
        // Cleared before the swap: a post after the swap then finds the box empty and wakes again.
        descriptor.clearWakes()
        lock.withLock { swap(&waiting, &batch) }
    }
}

/// The receiving end, on the loop's thread.
final class MailboxPort<Message: Sendable>: EventTarget {
    private let mailbox: Mailbox<Message>
    private let receive: (Message) -> Void
    private var batch: [Message] = []

    init(_ mailbox: Mailbox<Message>, _ receive: @escaping (Message) -> Void) {
        (self.mailbox, self.receive) = (mailbox, receive)
    }

    func ready(_ readiness: Readiness) {
        mailbox.take(&batch)
        for message in batch { receive(message) }
        batch.removeAll(keepingCapacity: batch.count <= Self.batchKeptMax)
    }

    /// A larger batch was a burst, and its memory goes back.
    private static var batchKeptMax: Int { 4096 }
}

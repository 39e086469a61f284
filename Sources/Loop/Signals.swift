// Signals as events of a loop. A signal must be blocked in every thread to come through here, so
// `block` them first thing in main, before any thread starts.

public enum Signals {
    public enum Sender: Sendable {
        case process
        /// The kernel, for the terminal; it sends to the whole group, to our children too.
        case terminal
    }

    public static func block(_ signals: [Int32]) { Kernel.block(signals) }
}

final class SignalPort: EventTarget {
    let descriptor: Descriptor
    private let receive: (Int32, Signals.Sender) -> Void

    init(
        _ signals: [Int32], _ receive: @escaping (Int32, Signals.Sender) -> Void
    ) throws(SystemError) {
        Kernel.block(signals)
        descriptor = try .signals(signals)
        self.receive = receive
    }

    func ready(_ readiness: Readiness) {
        while let (signal, sender) = descriptor.nextSignal() { receive(signal, sender) }
    }
}

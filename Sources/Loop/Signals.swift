// Signals as events of a loop. A signal must be blocked in every thread to come through here, so
// `block` them first thing in main, before any thread starts.

public enum Signals {
    public static func block(_ signals: [Int32]) { Kernel.block(signals) }
}

final class SignalPort: EventTarget {
    let descriptor: Descriptor
    private let receive: (Int32) -> Void

    init(_ signals: [Int32], _ receive: @escaping (Int32) -> Void) throws(SystemError) {
        Kernel.block(signals)
        descriptor = try .signals(signals)
        self.receive = receive
    }

    func ready(_ readiness: Readiness) {
        while let signal = descriptor.nextSignal() { receive(signal) }
    }
}

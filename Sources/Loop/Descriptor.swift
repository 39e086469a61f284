// A file descriptor that closes itself.
//
// Invariant: one owner. It is not copyable, so it is closed once, and never used afterwards.

struct Descriptor: ~Copyable {
    /// -1 stands for "none yet" and "no more", so that a field can be emptied by assignment.
    let raw: Int32

    init(owning raw: Int32) { self.raw = raw }

    static var none: Descriptor { Descriptor(owning: -1) }

    var isOpen: Bool { raw >= 0 }

    deinit { if raw >= 0 { Kernel.close(raw) } }
}

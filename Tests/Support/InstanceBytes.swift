// How large an object of a class is, its header included.

/// As the class itself says it: Swift's ABI has it behind kind, superclass, flags and address point.
public func instanceBytes(of type: AnyClass) -> Int {
    // Sound: a class is a pointer to its metadata, whose first fields are fixed on Linux.
    let metadata = unsafe unsafeBitCast(type, to: UnsafeRawPointer.self)
    return Int(unsafe metadata.load(fromByteOffset: 24, as: UInt32.self))
}

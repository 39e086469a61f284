// Traps on a short word. `fuzz/run --smoke` fails when that is not found: then the fuzzer, the
// instrumentation or the script is broken, and silence about the real entries would mean nothing.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    if count >= 3, bytes[0] == UInt8(ascii: "j") {
        if bytes[1] == UInt8(ascii: "o") {
            precondition(bytes[2] != UInt8(ascii: "b"), "the canary")
        }
    }
    return 0
}

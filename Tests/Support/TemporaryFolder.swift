// A folder that goes, with all that is in it, when its owner does.

import CLinux

public final class TemporaryFolder: Sendable {
    public let path: String

    public struct Failure: Error {}

    public init() throws {
        var template = Array("/tmp/jobwire-test-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw Failure() }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { _ = unsafe system("rm -rf '\(path)'") }
}

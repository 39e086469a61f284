// ChannelPattern finds the job id in a channel's name: `job:*:updates` has one `*`, for the id.

import Bytes
import Jobs

public struct ChannelPattern: Equatable, Sendable {
    public let text: String
    private let prefix: [UInt8]
    private let suffix: [UInt8]

    /// nil unless there is exactly one `*` and no other sign that Redis reads as a pattern.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        guard parts.count == 2, !text.utf8.contains(where: { "?[]\\".utf8.contains($0) }) else {
            return nil
        }
        self.text = text
        prefix = Array(parts[0])
        suffix = Array(parts[1])
    }

    /// The channel's part where the `*` stands. Redis has matched the rest already.
    public func job(in channel: Span<UInt8>) throws(JobIDFault) -> JobID {
        let start = min(prefix.count, channel.count)
        let end = max(start, channel.count - suffix.count)
        return try JobID(checking: channel.extracting(start..<end))
    }

    func matches(_ channel: Span<UInt8>) -> Bool {
        guard channel.count >= prefix.count + suffix.count else { return false }
        let end = channel.count - suffix.count
        return prefix.indices.allSatisfy { channel[$0] == prefix[$0] }
            && suffix.indices.allSatisfy { channel[end + $0] == suffix[$0] }
    }

    public func channel(of job: JobID) -> String {
        String(decoding: prefix + Array(job.text.utf8) + suffix, as: UTF8.self)
    }
}

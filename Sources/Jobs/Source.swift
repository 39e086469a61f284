// Source is what Jobwire listens to, as an operator writes it: channels, and where a message on them says
// which job or feed it is about. It is made from one word of the settings, and only from one that works.
//
//   job:*:updates            a job's; its id stands in the channel, in the place of the one *
//   feed:*:updates           a feed's; its name stands there
//   training=train:updates   all that is published there is of the feed `training`; any * is any text
//   progress#jobId|job.id    a job's; the message says which: the first of these members that is there. It
//                            may be an array of events, or a Celery worker's envelope around either

public struct Source: Equatable, Sendable, CustomStringConvertible {
    enum Naming: Equatable, Sendable { case channel, fixed(JobID), message([MemberPath]) }

    public let kind: JobID.Kind
    public let pattern: ChannelPattern
    let naming: Naming
    /// Whether only the message says whose it is: `EventFinder` then finds out.
    public let namesInMessage: Bool

    /// An entry of `patterns`.
    public init(job text: String) throws(SourceFault) {
        kind = .job
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        pattern = try Self.pattern(String(parts[0]))
        namesInMessage = parts.count == 2
        guard namesInMessage else {
            naming = .channel
            guard pattern.stars == 1 else { throw .needsStar(kind) }
            return
        }
        let paths = parts[1].split(separator: "|", omittingEmptySubsequences: false)
            .map(MemberPath.init)
        guard paths.allSatisfy(\.isPath) else { throw .badPath }
        naming = .message(paths)
    }

    /// An entry of `feeds`.
    public init(feed text: String) throws(SourceFault) {
        kind = .feed
        namesInMessage = false
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        pattern = try Self.pattern(String(parts[parts.count - 1]))
        guard parts.count == 2 else {
            naming = .channel
            guard pattern.stars == 1 else { throw .needsStar(kind) }
            return
        }
        do throws(JobIDFault) {
            naming = .fixed(try JobID(checking: String(parts[0]), kind: .feed))
        } catch { throw .badName(error) }
    }

    private static func pattern(_ text: String) throws(SourceFault) -> ChannelPattern {
        guard let pattern = ChannelPattern(text), !text.utf8.contains(where: { $0 <= 0x20 }) else {
            throw .badChannel
        }
        return pattern
    }

    /// Whether a job has a channel of its own.
    public var namesJobsByChannel: Bool { kind == .job && naming == .channel }

    /// Whose a message on this channel is, where that can be told. Redis has said that it matches.
    public func job(in channel: Span<UInt8>) throws(JobIDFault) -> JobID {
        switch naming {
        case .channel:
            try JobID(checking: channel.extracting(pattern.place(in: channel)), kind: kind)
        case .fixed(let feed): feed
        case .message: throw .empty
        }
    }

    /// Whether a message can be of this job or feed.
    public func mayName(_ job: JobID) -> Bool {
        guard job.kind == kind else { return false }
        return switch naming {
        case .channel, .message: true
        case .fixed(let feed): feed == job
        }
    }

    /// Where to publish what is of this job or feed; nil where it is not of this source.
    public func channel(of job: JobID) -> String? {
        guard job.kind == kind else { return nil }
        return switch naming {
        case .channel: pattern.channel(with: job.text)
        case .fixed(let feed): feed == job && pattern.stars == 0 ? pattern.text : nil
        case .message: nil
        }
    }

    /// Says all that decides what is heard, and as whose.
    public var description: String {
        switch naming {
        case .channel: "\(kind) \(pattern.text)"
        case .fixed(let name): "\(kind) \(name)=\(pattern.text)"
        case .message(let paths):
            "\(kind) \(pattern.text)#\(paths.map(\.text).joined(separator: "|"))"
                + " \(EventFinder.version)"
        }
    }
}

extension [Source] {
    /// The channel on which a worker publishes what is of this job or feed.
    public func channel(of job: JobID) -> String? {
        for case let channel? in self.lazy.map({ $0.channel(of: job) }) { return channel }
        return nil
    }
}

/// Why a word is no source.
public enum SourceFault: Error, Equatable, Sendable {
    case badChannel, needsStar(JobID.Kind), badName(JobIDFault), badPath

    /// Goes on behind the word.
    public var message: String {
        switch self {
        case .badChannel: "needs a channel, which may hold no ? [ ] \\ or space"
        case .needsStar(.job):
            "needs exactly one *, for the job id, or # and the member of the message that has it"
        case .badPath: "needs members behind the #, such as jobId or jobId|data.jobId"
        case .needsStar(.feed): "needs exactly one *, for the feed's name, or name=channel"
        case .badName(let fault): "has a bad name before the =: \(fault.message)"
        }
    }
}

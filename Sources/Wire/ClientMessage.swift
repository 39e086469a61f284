// What a client may ask for over its socket (protocol.md, section 4), and how it is read.
//
// A message is honoured whole or refused whole, by name; the refusal carries the request's `id`
// wherever that could be read, so that the client knows which of its requests it is.

import Jobs

/// What a subscription is about.
public enum Subject: Hashable, Sendable {
    /// Or a feed.
    case job(JobID)
    /// `*` is every queue that the token may see.
    case queue(String)
}

/// A request's `id`: any JSON scalar but null, echoed as it was spelled.
public struct RequestID: Equatable, Sendable {
    public let json: [UInt8]
    public static let bytesMax = 256

    init(copying json: Span<UInt8>) {
        self.json = [UInt8](capacity: json.count) { $0.append(copying: json) }
    }
}

public struct SubscribeRequest: Equatable, Sendable {
    public struct Follow: Equatable, Sendable {
        public let subject: Subject
        /// A cursor of its own; nil: that of the options holds.
        public let after: Cursor?

        public init(_ subject: Subject, after: Cursor? = nil) {
            self.subject = subject
            self.after = after
        }
    }

    public var follows: [Follow]
    public var options: FollowOptions
    public var id: RequestID?

    public init(
        _ follows: [Follow], options: FollowOptions = FollowOptions(), id: RequestID? = nil
    ) {
        self.follows = follows
        self.options = options
        self.id = id
    }
}

public struct UnsubscribeRequest: Equatable, Sendable {
    public var subjects: [Subject]
    public var id: RequestID?

    public init(_ subjects: [Subject], id: RequestID? = nil) {
        self.subjects = subjects
        self.id = id
    }
}

public enum ClientMessage: Equatable, Sendable {
    case ping(RequestID?)
    case subscribe(SubscribeRequest)
    case unsubscribe(UnsubscribeRequest)
    case auth(token: String, RequestID?)
}

/// Why a client's message was not honoured; `code` and `message` go into `rejected`.
public struct ClientRefusal: Error, Equatable, Sendable {
    public let code: String
    public let message: String
    /// What it was about, where the request named just that.
    public let subject: Subject?
    public let id: RequestID?

    public init(code: String, message: String, about subject: Subject? = nil, id: RequestID?) {
        self.code = code
        self.message = message
        self.subject = subject
        self.id = id
    }
}

// What a client of HTTP can do wrong, one name each: the log's word, the metric's label, and the
// status of the answer. After any of them the connection ends, since nobody can know any more
// where the next request would begin.

public enum HTTPViolation: String, Error, CaseIterable, Sendable {
    // the request line
    case methodMalformed, requestLineMalformed, requestLineTooLong, versionNotSupported
    case targetAbsolute, targetAsterisk, targetNotPath, targetNotASCII, controlInTarget
    // header lines
    case bareLineFeed, bareCarriageReturn, obsoleteFold, spaceBeforeColon
    case headerNameMalformed, colonMissing, controlInHeader
    case headerTooLong, tooManyHeaders, headTooLong
    // what the headers say
    case hostMissing, hostDuplicated, hostMalformed, authorizationDuplicated
    case lengthMalformed, lengthDuplicated, lengthWithTransferEncoding
    case transferEncodingNotChunked, transferEncodingDuplicated, expectationUnknown
    // the body
    case bodyTooLong, chunkSizeMalformed, chunkExtensionTooLong, chunkEndMissing, trailerTooLong

    public var status: Int {
        switch self {
        case .requestLineTooLong: 414
        case .headerTooLong, .tooManyHeaders, .headTooLong, .trailerTooLong: 431
        case .versionNotSupported: 505
        case .transferEncodingNotChunked: 501
        case .expectationUnknown: 417
        case .bodyTooLong: 413
        default: 400
        }
    }
}

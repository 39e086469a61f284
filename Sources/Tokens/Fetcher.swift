// Fetches small documents by HTTPS with libcurl, or posts them, several at a time, on one thread of their own.
//
// `unsafe` is sound here: libcurl's handles are freed by the object that made them, on the one thread that
// uses it; what libcurl is given a pointer to, the transfer, outlives the handle. `wake` alone is for other
// threads, and libcurl says that it may be. Limits: bytes, time, redirects, schemes.

import CCurl

struct Fetched: Equatable {
    var status = 200
    let body: [UInt8]
    /// Seconds for which the source says that it holds.
    let maxAge: Int64?
}

struct FetchFault: Error, Equatable {
    let reason: String
}

/// What is posted. Redirects are not followed: whoever is led elsewhere would take the token along.
struct FetchPost {
    let body: [UInt8]
    /// Each a whole line without its end.
    let headers: [String]
}

struct FetchOptions: Sendable {
    var bytesMax = KeySet.bytesMax
    var timeout: Int64 = 10_000
    /// PEM authorities; nil: the system's.
    var authorities: String?
    var allowsHTTP = false
    /// The setting that allows it.
    var httpSetting = "jwks-http"
    /// Open at a time; nil: as many as there are transfers.
    var connectionsMax: Int?

    func allows(_ url: String) -> Bool { unsafe fetch_is_allowed(url, allowsHTTP ? 1 : 0) == 1 }
}

@safe
final class Fetcher: @unchecked Sendable {
    private static let isPrepared = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private let options: FetchOptions
    @unsafe private let multi: UnsafeMutableRawPointer
    private var transfers: [Transfer] = []

    init?(_ options: FetchOptions) {
        guard Self.isPrepared, let multi = unsafe curl_multi_init() else { return nil }
        self.options = options
        unsafe self.multi = multi
        if let most = options.connectionsMax { _ = unsafe fetch_connections_max(multi, most) }
    }

    deinit {
        abandon()
        unsafe curl_multi_cleanup(multi)
    }

    /// Milliseconds on a clock that never goes back.
    static var now: Int64 { nanoseconds / 1_000_000 }
    static var nanoseconds: Int64 { fetch_nanoseconds() }

    /// Any answer to a post is a result; of what is fetched only 200 is.
    func begin(_ url: String, tag: Int, posting post: FetchPost? = nil) throws(FetchFault) {
        guard options.allows(url) else {
            throw FetchFault(
                reason: "not https, and http is for this machine only (\(options.httpSetting))")
        }
        guard let transfer = Transfer(url, tag, post, options),
            unsafe curl_multi_add_handle(multi, transfer.easy) == CURLM_OK
        else { throw FetchFault(reason: "libcurl could not begin") }
        transfers.append(transfer)
    }

    /// Lets transfers go on, waits for them or for `wake`, and returns those that have ended.
    func turn(waiting milliseconds: Int64) -> [(tag: Int, result: Result<Fetched, FetchFault>)] {
        // What ends before the wait would not end it: libcurl waits for what is underway only.
        let ended = goOn()
        guard ended.isEmpty else { return ended }
        unsafe curl_multi_poll(multi, nil, 0, Int32(clamping: milliseconds), nil)
        return goOn()
    }

    private func goOn() -> [(tag: Int, result: Result<Fetched, FetchFault>)] {
        var running: Int32 = 0
        unsafe curl_multi_perform(multi, &running)
        var ended: [(tag: Int, result: Result<Fetched, FetchFault>)] = []
        var code = CURLE_OK
        while let easy = unsafe fetch_next_ended(multi, &code) {
            guard let index = transfers.firstIndex(where: { unsafe $0.easy == easy }) else {
                continue
            }
            let transfer = transfers.remove(at: index)
            unsafe curl_multi_remove_handle(multi, easy)
            ended.append((transfer.tag, transfer.result(code)))
        }
        return ended
    }

    func abandon() {
        for transfer in transfers { unsafe curl_multi_remove_handle(multi, transfer.easy) }
        transfers = []
    }

    /// From any thread: the turn that waits, or the next one, does not.
    func wake() { unsafe curl_multi_wakeup(multi) }
}

@safe
private final class Transfer {
    let tag: Int
    @unsafe private(set) var easy: UnsafeMutableRawPointer?
    @unsafe private var lines: UnsafeMutablePointer<curl_slist>?
    private let isPost: Bool
    private let bytesMax: Int
    private var body: [UInt8] = []
    private var isTooLarge = false

    init?(_ url: String, _ tag: Int, _ post: FetchPost?, _ options: FetchOptions) {
        (self.tag, bytesMax, isPost) = (tag, options.bytesMax, post != nil)
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe easy = fetch_new(
            url, options.authorities, options.allowsHTTP ? 1 : 0, Int(options.timeout), bytesMax,
            { bytes, size, count, context in
                guard let bytes = unsafe bytes, let context = unsafe context else { return 0 }
                let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                return unsafe transfer.take(
                    UnsafeRawBufferPointer(start: bytes, count: size * count))
            }, context)
        guard unsafe easy != nil else { return nil }
        guard let post else { return }
        for header in post.headers {
            guard let longer = unsafe curl_slist_append(lines, header) else { return nil }
            unsafe lines = longer
        }
        guard unsafe fetch_post(easy, post.body, post.body.count, lines) == 1 else { return nil }
    }

    deinit {
        unsafe curl_easy_cleanup(easy)
        unsafe curl_slist_free_all(lines)
    }

    /// Fewer bytes than were offered end the transfer.
    private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard body.count + bytes.count <= bytesMax else {
            isTooLarge = true
            return 0
        }
        unsafe body.append(contentsOf: bytes)
        return bytes.count
    }

    func result(_ code: CURLcode) -> Result<Fetched, FetchFault> {
        func failure(_ reason: String) -> Result<Fetched, FetchFault> {
            .failure(FetchFault(reason: reason))
        }
        guard !isTooLarge else { return failure("larger than \(bytesMax) bytes") }
        guard code == CURLE_OK else {
            return failure(unsafe String(cString: curl_easy_strerror(code)))
        }
        let status = unsafe fetch_status(easy)
        guard isPost || status == 200 else { return failure("the answer was \(status), not 200") }
        let control = unsafe fetch_header(easy, "cache-control").map { unsafe String(cString: $0) }
        return .success(
            Fetched(status: status, body: body, maxAge: control.flatMap(CacheControl.maxAge)))
    }
}

enum CacheControl {
    /// Seconds; nil where the header says nothing of it.
    static func maxAge(_ header: String) -> Int64? {
        var age: Int64?
        for word in header.lowercased().split(whereSeparator: { ", \t".contains($0) }) {
            if word == "no-store" || word == "no-cache" { return 0 }
            if word.hasPrefix("max-age=") { age = Int64(word.dropFirst(8)) ?? age }
        }
        return age.map { max($0, 0) }
    }
}

// The settings of rights that no claim of a token gives: owners, and the application's hook.

extension Settings {
    static let rights: [Setting] = [
        .duration(
            "owner-wait", \.ownerWait, .zero...(.seconds(300)),
            "How long a token without a jobs claim may wait for a job to get it as owner; without a hook"
        ),
        .text(
            "rights-hook", \.rightsHook, as: "URL",
            "Address that is asked, by POST, what claims and owner do not decide; empty: nobody is"),
        .duration(
            "rights-hook-timeout", \.rightsHookTimeout, .milliseconds(10)...(.seconds(60)),
            "Longest wait for its answer; without one nobody is let in"),
        .duration(
            "rights-hook-cache", \.rightsHookCache, .zero...(.seconds(86_400)),
            "How long its answer holds; its Cache-Control may shorten that, or stretch it tenfold"),
        .integer(
            "rights-hook-cache-max", \.rightsHookCacheMax, 0...10_000_000,
            "Answers of it that are remembered"),
        .integer(
            "rights-hook-at-once-max", \.rightsHookAtOnceMax, 1...1_000,
            "Questions that it is asked at a time; so many connections to it stay open"),
        .text(
            "rights-hook-ca", \.rightsHookCA, as: "FILE",
            "PEM authorities trusted for rights-hook; empty: the system's"),
        .flag(
            "rights-hook-http", \.rightsHookHTTP,
            "Ask by plain http on other machines too: it shows tokens to who listens there"),
    ]
}

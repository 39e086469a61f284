// The rules the sources are held to, as tables. To change the architecture, change a row here and
// say why in docs/architecture.md; the checker itself knows no target and no file by name.

extension Architecture {
    static let jobwire = Architecture(
        // Each target and all it may import. Arrows point one way; C is spoken at the edges only.
        imports: [
            "Bytes": [],
            "JSON": [],
            "Jobs": ["Bytes", "JSON"],
            "Wire": ["Bytes", "JSON", "Jobs", "CZlib"],
            "Hub": ["Bytes", "Jobs"],
            "Loop": ["Bytes", "CLinux", "COpenSSL"],
            "Settings": ["Jobs"],
            "Telemetry": ["Synchronization", "Glibc"],
            "Redis": ["Bytes", "Loop", "CHiredis"],
            "Feed": ["Bytes", "Jobs", "Loop", "Redis", "Wire"],
            "Fleet": ["Bytes", "JSON", "Loop", "Redis"],
            "Tokens": ["Synchronization", "JSON", "COpenSSL", "CCurl"],
            "Server": [
                "Synchronization", "Bytes", "JSON", "Jobs", "Wire", "Hub", "Loop", "Redis", "Feed",
                "Fleet", "Tokens", "Settings", "Telemetry",
            ],
            "Command": [
                "Bytes", "JSON", "Jobs", "Wire", "Loop", "Redis", "Feed", "Fleet", "Tokens",
                "Settings",
                "Telemetry", "CLinux", "Synchronization",
            ],
            "jobwire": ["Command", "Server", "CLinux"],
            "ws-echo": ["Bytes", "Wire", "Loop"],
        ],

        // Every file that steps outside what the compiler proves, what it uses, and why that is sound.
        unsafe: [
            Allowance(
                "Bytes/SharedBytes.swift", [.unsafe, .unchecked],
                "one allocation, written once before anybody else sees it"),
            Allowance(
                "Command/ProcessList.swift", [.unsafe],
                "two areas of the process' own memory that the kernel names"),
            Allowance(
                "Command/System.swift", [.unsafe],
                "the command's calls to the system: pointers that live for one call"),
            Allowance(
                "Command/TiedChild.swift", [.unsafe],
                "C strings of an argument list, alive until the call returns"),
            Allowance(
                "JSON/TextBytes.swift", [.unsafe],
                "a view of the bytes that ends with the call it is lent to"),
            Allowance(
                "Loop/Guarded.swift", [.unchecked],
                "the value is reached under its lock only"),
            Allowance(
                "Loop/Lock.swift", [.unsafe, .unchecked],
                "a pthread mutex at one address from init to deinit"),
            Allowance(
                "Loop/LoopThread.swift", [.unsafe],
                "pthread calls; the box handed over is retained for its thread"),
            Allowance(
                "Loop/Mailbox.swift", [.unchecked],
                "what waits is touched under the lock only"),
            Allowance(
                "Loop/Resolver.swift", [.unsafe],
                "getaddrinfo's list, read and freed on the thread that got it"),
            Allowance(
                "Loop/Scratch.swift", [.unsafe],
                "memory as old as its loop, indexed below its capacity"),
            Allowance(
                "Loop/SocketAddress.swift", [.unsafe],
                "views of one local sockaddr_storage by its own family"),
            Allowance(
                "Loop/SystemCalls.swift", [.unsafe],
                "the fence to the kernel: pointers that live for one call"),
            Allowance(
                "Loop/TLSContext.swift", [.unsafe, .unchecked],
                "complete before it is shared; counted by OpenSSL"),
            Allowance(
                "Loop/TLSSession.swift", [.unsafe],
                "OpenSSL's pointer, ours from init to deinit"),
            Allowance(
                "Loop/WallClock.swift", [.unsafe],
                "a local timespec that clock_gettime fills"),
            Allowance(
                "Redis/PushReader.swift", [.unsafe],
                "called by the parser's fence, with pointers for that call"),
            Allowance(
                "Redis/ReplyReader.swift", [.unsafe],
                "called by the parser's fence, with pointers for that call"),
            Allowance(
                "Redis/ResponseParser.swift", [.unsafe],
                "the fence to hiredis' reader, which this file alone owns"),
            Allowance(
                "Redis/SpanBytes.swift", [.unsafe],
                "a view of the bytes that ends with the call it is lent to"),
            Allowance(
                "Telemetry/ProcessReadings.swift", [.unsafe],
                "calls that fill a local value within the one call"),
            Allowance(
                "Telemetry/StandardError.swift", [.unsafe],
                "write(2) with pointers to locals, used within the call"),
            Allowance(
                "Tokens/Crypto.swift", [.unsafe],
                "OpenSSL's context belongs to the one object that frees it"),
            Allowance(
                "Tokens/Fetcher.swift", [.unsafe, .unchecked],
                "libcurl's handles, owned here and used by one thread; waking is for any"),
            Allowance(
                "Tokens/PublicKey.swift", [.unsafe, .unchecked],
                "OpenSSL's key, ours from init to deinit and never changed"),
            Allowance(
                "Tokens/TicketSeal.swift", [.unsafe],
                "OpenSSL's cipher context, ours from init to deinit"),
            Allowance(
                "Wire/Words.swift", [.unsafe],
                "loads of eight bytes at offsets that are checked"),
            Allowance(
                "Wire/Zlib.swift", [.unsafe],
                "the fence to zlib: streams owned here, buffers lent for a call"),
        ],

        // Files written by a script: their length is not a matter of taste.
        generated: ["Feed/RecordSource.swift", "Server/PageAssets.swift"],

        fileLinesMax: 300
    )
}

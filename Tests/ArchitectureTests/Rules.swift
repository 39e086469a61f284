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
            "Settings": [],
            "Telemetry": ["Synchronization", "Glibc"],
            "Redis": ["Bytes", "Loop", "CHiredis"],
            "Feed": ["Bytes", "Jobs", "Loop", "Redis", "Wire"],
            "Tokens": ["JSON", "COpenSSL"],
            "Server": [
                "Bytes", "JSON", "Jobs", "Wire", "Hub", "Loop", "Redis", "Feed", "Tokens",
                "Settings", "Telemetry",
            ],
            "jobwire": [
                "Bytes", "JSON", "Jobs", "Wire", "Loop", "Redis", "Tokens", "Settings",
                "Telemetry", "Server", "CLinux",
            ],
            "ws-echo": ["Bytes", "Wire", "Loop"],
        ],

        // Every file that steps outside what the compiler proves, what it uses, and why that is sound.
        unsafe: [
            Allowance(
                "Bytes/SharedBytes.swift", [.unsafe, .unchecked],
                "one allocation, written once before anybody else sees it")
        ],

        // Files written by a script: their length is not a matter of taste.
        generated: ["Server/PageAssets.swift"],

        fileLinesMax: 300
    )
}

// swift-tools-version: 6.2
// The target graph of docs/architecture.md. Arrows point from what joins to what is joined; a test
// (Tests/ArchitectureTests) keeps the `import` lines of the sources to the same table.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableExperimentalFeature("Lifetimes"),
    // Dynamic exclusivity checks cost a tenth of the work per event; debug builds and all tests keep
    // them (docs/decisions/005-release-flags.md).
    .unsafeFlags(
        ["-cross-module-optimization", "-enforce-exclusivity=unchecked"],
        .when(configuration: .release)),
]

func target(
    _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: strict)
}

func command(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies,
        swiftSettings: strict)
}

let package = Package(
    name: "jobwire",
    products: [
        .executable(name: "jobwire", targets: ["jobwire"]),
        .executable(name: "ws-echo", targets: ["ws-echo"]),
    ],
    targets: [
        // C headers
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

        // leaves
        target("Bytes"),
        // Rounding a Double is libm's, and no module map here names that.
        .target(name: "JSON", swiftSettings: strict, linkerSettings: [.linkedLibrary("m")]),
        target("Jobs", ["Bytes", "JSON"]),
        target("Wire", ["Bytes", "JSON", "Jobs", "CZlib"]),
        target("Hub", ["Bytes", "Jobs"]),
        target("Loop", ["Bytes", "CLinux", "COpenSSL"]),
        target("Settings", ["Jobs"]),
        target("Telemetry"),

        // joints
        target("Redis", ["Bytes", "Loop", "CHiredis"]),
        // Lua/record.lua becomes RecordSource.swift by tools/embed-script.
        target("Feed", ["Bytes", "Jobs", "Loop", "Redis", "Wire"], exclude: ["Lua"]),
        target("Fleet", ["Bytes", "JSON", "Loop", "Redis"]),
        target("Tokens", ["JSON", "COpenSSL", "CCurl"]),

        // service and commands
        target(
            "Server",
            [
                "Bytes", "JSON", "Jobs", "Wire", "Hub", "Loop", "Redis", "Feed", "Fleet", "Tokens",
                "Settings", "Telemetry",
            ],
            exclude: ["Page"]),  // becomes PageAssets.swift by tools/embed-page
        target(
            "Command",
            [
                "Bytes", "JSON", "Jobs", "Wire", "Loop", "Redis", "Feed", "Fleet", "Tokens",
                "Settings",
                "Telemetry", "CLinux",
            ]),
        command("jobwire", ["Command", "Server"]),
        command("ws-echo", ["Bytes", "Wire", "Loop"]),

        // tests
        .target(
            name: "Support", dependencies: ["Bytes", "JSON", "Wire", "CLinux", "COpenSSL"],
            path: "Tests/Support", swiftSettings: strict),
        tests(of: "JSON", ["Bytes"]),
        tests(of: "Jobs", ["Bytes", "JSON", "Support"]),
        tests(of: "Wire", ["Bytes", "JSON", "Jobs", "Support"]),
        tests(of: "Hub", ["Bytes", "Jobs", "Support", "Wire"]),
        tests(of: "Loop", ["Bytes", "Support", "CLinux"]),
        tests(of: "Redis", ["Bytes", "Loop", "Support"]),
        tests(of: "Feed", ["Bytes", "Hub", "Jobs", "Loop", "Redis", "Support", "Wire"]),
        tests(of: "Fleet", ["Bytes", "Loop", "Redis", "Support"]),
        tests(of: "Tokens", ["JSON", "Support"]),
        tests(of: "Settings"),
        tests(of: "Telemetry", ["Support"]),
        tests(
            of: "Server",
            [
                "Bytes", "CLinux", "Hub", "Jobs", "Loop", "Settings", "Support", "Telemetry",
                "Tokens", "Wire",
            ]),
        tests(
            of: "Command",
            ["Bytes", "CLinux", "JSON", "Jobs", "Redis", "Settings", "Support", "jobwire"]),
        .testTarget(name: "ArchitectureTests", swiftSettings: strict),
    ]
)

// Tests that run optimised are built alone (tools/schedules): all of them take ten minutes.
if let only = Context.environment["JOBWIRE_TESTS"] {
    package.targets.removeAll { $0.type == .test && $0.name != only }
}

import CLinux
import Server
import Settings
import Telemetry

var environment: [String: String] = [:]
for name in Settings.table.map(\.variable) { if let value = unsafe getenv(name) { environment[name] = unsafe String(cString: value) } }
let invocation = try Invocation(arguments: Array(CommandLine.arguments.dropFirst(2)), environment: environment, readFile: { _ in [] })
let server = try Server(invocation.settings, log: Log(level: .info, format: .text))
try server.run()

// What the operator asked for: the settings, and the options and words of the one command.
//
// What stands nearer the operator wins: flag over variable over file over default. Every problem is
// collected, not only the first. Arguments, environment and files come in as values; nothing here
// touches the system. Invariant: no problem's text holds a secret.

public struct Invocation: Sendable {
    public private(set) var settings = Settings()
    /// The command's own options, as given: `["ttl": ["1h"]]`. A switch has the value "true".
    public private(set) var options: [String: [String]] = [:]
    /// What stood without dashes, and all after `--`.
    public private(set) var words: [String] = []
    public private(set) var wantsHelp = false
    /// Where each setting that is not the default came from: `--listen`, `JOBWIRE_LISTEN`, `jobwire.conf:3`.
    public private(set) var origins: [String: String] = [:]
    /// The settings given as flags, `config` among them, as they were typed.
    public private(set) var flags: [Flag] = []
    /// Secrets that were given where others can read them: as a flag or a variable.
    public private(set) var exposedSecrets: [[UInt8]] = []

    /// What could not be taken over, where somebody asked for the rest all the same.
    public private(set) var problems: [SettingsProblem] = []

    /// Reads a file the operator named; what it throws is shown to them.
    public typealias ReadFile = (_ path: String) throws -> [UInt8]

    public init(
        arguments: [String], environment: [String: String], options: [CommandOption] = [],
        readsFaulty: Bool = false, readFile: ReadFile
    ) throws(SettingsFault) {
        var problems: [SettingsProblem] = []
        let line = CommandLineReader(arguments, options, &problems)
        let variables = environment.filter {
            $0.key.hasPrefix(Setting.prefix) && !isServiceLink($0.key, $0.value)
        }.sorted { $0.key < $1.key }.map {
            Assignment(
                name: $0.key, bytes: Array($0.value.utf8), origin: $0.key, spelling: .variable)
        }
        let path = (line.assignments + variables).first(where: Self.namesFile)
        let file = path.map { FileReader.assignments(at: $0, readFile, &problems) } ?? []
        for source in [file, variables, line.assignments] {
            apply(source, readFile, &problems)
        }
        (self.options, words, wantsHelp) = (line.options, line.words, line.wantsHelp)
        self.problems = problems
        flags = line.assignments.map(Self.flag)
        // Who asks for help may well ask because something is wrong.
        guard problems.isEmpty || readsFaulty || wantsHelp else {
            throw SettingsFault(problems: problems)
        }
    }

    private static func flag(_ assignment: Assignment) -> Flag {
        let name = String(assignment.name.dropFirst(2))
        let isSecret = Settings.table.contains { $0.isSecret && $0.name == name }
        let value = isSecret ? nil : String(decoding: assignment.bytes, as: UTF8.self)
        return Flag(name: name, value: value)
    }

    /// A file cannot name another one.
    private static func namesFile(_ assignment: Assignment) -> Bool {
        switch assignment.spelling {
        case .flag: assignment.name == "--config"
        case .variable: assignment.name == Setting.prefix + "CONFIG"
        case .file: false
        }
    }

    /// One source after the other, the nearest to the operator last.
    private mutating func apply(
        _ source: [Assignment], _ readFile: ReadFile, _ problems: inout [SettingsProblem]
    ) {
        var seen: [[String?]: String] = [:]
        for assignment in source where !Self.namesFile(assignment) {
            guard let target = Self.target(of: assignment) else {
                problems.append(.unknown(assignment))
                continue
            }
            let setting = target.setting
            guard
                assignment.issuer == nil
                    || Issuer.table.contains(where: { $0.name == setting.name })
            else {
                let reason = "is no setting of one issuer; it stands before the first [issuer NAME]"
                problems.append(SettingsProblem(setting.name, assignment.origin, reason))
                continue
            }
            let key = [assignment.issuer, setting.name]
            if let earlier = seen.updateValue(assignment.name, forKey: key) {
                let also = earlier == assignment.name ? "given twice" : "given as \(earlier) too"
                problems.append(SettingsProblem(setting.name, assignment.origin, also))
                continue
            }
            do {
                let bytes =
                    target.isFile ? try secret(from: assignment, readFile) : assignment.bytes
                guard settings.write(bytes, setting, issuer: assignment.issuer) else {
                    let got = String(decoding: assignment.bytes, as: UTF8.self)
                    let reason = "expected \(setting.expected), got \(quoted(got))"
                    problems.append(SettingsProblem(setting.name, assignment.origin, reason))
                    continue
                }
                if assignment.issuer == nil { origins[setting.name] = assignment.origin }
                if setting.isSecret, !target.isFile, assignment.spelling != .file {
                    exposedSecrets.append(bytes)
                }
            } catch {
                let reason = "the file could not be read: \(error)"
                problems.append(SettingsProblem(setting.name, assignment.origin, reason))
            }
        }
    }

    private static func target(of assignment: Assignment) -> (setting: Setting, isFile: Bool)? {
        for setting in Settings.table {
            for spelling in assignment.spelling.spellings(of: setting) {
                if assignment.name == spelling { return (setting, false) }
                let file = spelling + (spelling.hasPrefix(Setting.prefix) ? "_FILE" : "-file")
                if setting.isSecret, assignment.name == file { return (setting, true) }
            }
        }
        return nil
    }

    /// Editors and `echo` end a file with a newline that is no part of the secret.
    private func secret(from assignment: Assignment, _ readFile: ReadFile) throws -> [UInt8] {
        var bytes = try readFile(String(decoding: assignment.bytes, as: UTF8.self))
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        return bytes
    }
}

/// A setting on the command line.
public struct Flag: Sendable, Equatable {
    /// Without dashes; with `-file` where a file was given.
    public let name: String
    /// Nil for a secret.
    public let value: String?

    public init(name: String, value: String?) { (self.name, self.value) = (name, value) }
}

/// An option that only one command knows, such as `--ttl` of `jobwire token`.
public struct CommandOption: Sendable {
    public let name: String
    /// Stands for the value in help; nil for a switch.
    public let placeholder: String?
    public let summary: String

    public init(_ name: String, as placeholder: String? = nil, _ summary: String) {
        (self.name, self.placeholder, self.summary) = (name, placeholder, summary)
    }
}

/// `name = bytes`, read somewhere and not yet understood.
struct Assignment {
    enum Spelling {
        case flag, variable, file

        func spellings(of setting: Setting) -> [String] {
            switch self {
            case .flag: [setting.flag]
            case .variable: [setting.variable]
            case .file: [setting.name, setting.variable]
            }
        }
    }

    let name: String
    let bytes: [UInt8]
    let origin: String
    let spelling: Spelling
    /// Whose section of the file it stands in.
    var issuer: String?
}

/// Kubernetes sets these in every pod beside a Service named `jobwire` or `jobwire-…`; they are
/// not meant for us: `JOBWIRE_PORT=tcp://…`, `JOBWIRE_SERVICE_HOST`, `JOBWIRE_PORT_80_TCP_ADDR`.
private func isServiceLink(_ name: String, _ value: String) -> Bool {
    name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT")
        || (name.hasSuffix("_PORT") && value.contains("://"))
        || name.contains(/_PORT_[0-9]+_(TCP|UDP|SCTP)/)
}

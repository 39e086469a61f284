// Splits arguments into settings, the command's own options and words: `--name=value`,
// `--name value`, `--switch`, `--no-switch`, `--`, `-h`.

struct CommandLineReader {
    private(set) var assignments: [Assignment] = []
    private(set) var options: [String: [String]] = [:]
    private(set) var words: [String] = []
    private(set) var wantsHelp = false

    init(
        _ arguments: [String], _ known: [CommandOption], _ problems: inout [SettingsProblem]
    ) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                break
            }
            if argument == "-h" || argument == "--help" {
                wantsHelp = true
            } else if argument.hasPrefix("--") {
                read(argument, &rest, known, &problems)
            } else if argument.hasPrefix("-"), argument != "-" {
                let name = String(argument.prefix { $0 != "=" })
                problems.append(SettingsProblem(name, nil, "flags have two dashes; see --help"))
            } else {
                words.append(argument)
            }
        }
    }

    private mutating func read(
        _ argument: String, _ rest: inout ArraySlice<String>, _ known: [CommandOption],
        _ problems: inout [SettingsProblem]
    ) {
        let name = String(argument.prefix { $0 != "=" })
        let given = argument == name ? nil : String(argument.dropFirst(name.count + 1))
        let option = known.first { "--" + $0.name == name }
        if let (flag, value) = Self.asSwitch(name), given == nil {
            return assign(flag, value)
        }
        if let option, option.placeholder == nil {
            guard given == nil else {
                return problems.append(SettingsProblem(name, nil, "takes no value"))
            }
            return options[option.name, default: []].append("true")
        }
        guard option != nil || Self.takesValue(name) else {
            let names = known.map { "--" + $0.name } + SettingsProblem.flagNames
            return problems.append(.unknown(name, nil, among: names))
        }
        guard !isSecondFile(name) else {
            return problems.append(SettingsProblem("config", name, "given twice"))
        }
        var value = given
        if value == nil, let next = rest.first, !next.hasPrefix("--") { value = rest.removeFirst() }
        guard let value else {
            return problems.append(SettingsProblem(name, nil, "expected a value after it"))
        }
        if let option {
            options[option.name, default: []].append(value)
        } else {
            assign(name, value)
        }
    }

    /// Settings given twice are found where they are applied; the file's name never gets there.
    private func isSecondFile(_ name: String) -> Bool {
        name == "--config" && assignments.contains { $0.name == name }
    }

    private mutating func assign(_ name: String, _ value: String) {
        assignments.append(
            Assignment(name: name, bytes: Array(value.utf8), origin: name, spelling: .flag))
    }

    private static func asSwitch(_ name: String) -> (flag: String, value: String)? {
        for setting in Settings.table where setting.isSwitch {
            if name == setting.flag { return (name, "true") }
            if name == "--no-" + setting.name { return (setting.flag, "false") }
        }
        return nil
    }

    private static func takesValue(_ name: String) -> Bool {
        name == "--config"
            || Settings.table.contains {
                name == $0.flag || ($0.isSecret && name == $0.flag + "-file")
            }
    }
}

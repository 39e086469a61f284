// The command `jobwire`: finds the verb, reads its command line, runs it, and says how it went.

import CLinux
import Settings

public enum Command {
    /// The whole program: reads its own command line and ends with the code.
    public static func main(version: String, serve: @escaping Place.Serve) -> Never {
        let place = Place.system(version: version, serve: serve)
        exit(run(Array(CommandLine.arguments.dropFirst()), in: place).number)
    }

    /// `arguments` without the program's own name.
    public static func run(_ arguments: [String], in place: Place) -> ExitCode {
        var rest = arguments[...]
        let first = rest.popFirst() ?? "--help"
        do throws(Failure) {
            switch first {
            case TiedChild.verb: return TiedChild.become(Array(rest), in: place)
            case "--version", "-V", "version":
                place.say("jobwire \(place.version)")
                return .done
            case "--help", "-h", "help":
                guard let name = rest.first(where: { !$0.hasPrefix("-") }) else {
                    place.say(VerbHelp.overview(version: place.version))
                    return .done
                }
                place.say(VerbHelp.page(of: try Verb.named(name)))
                return .done
            default: return try run(Verb.named(first), Array(rest), in: place)
            }
        } catch {
            return complain(error, of: nil, in: place)
        }
    }

    private static func run(
        _ verb: Verb, _ arguments: [String], in place: Place
    ) throws(Failure) -> ExitCode {
        // Before all else: who asks for help must not first repair the configuration.
        if arguments.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" })
        {
            place.say(VerbHelp.page(of: verb))
            return .done
        }
        let invocation: Invocation
        do throws(SettingsFault) {
            invocation = try Invocation(
                arguments: arguments, environment: place.environment, options: verb.options,
                readsFaulty: verb.readsFaulty,
                readFile: { try System.readFile($0) })
        } catch {
            for problem in error.problems { place.complain("jobwire: \(problem)") }
            place.complain("jobwire: see jobwire \(verb.name) --help")
            return .usage
        }
        let tokens = invocation.options["token"] ?? []
        ProcessList.strikeOut(invocation.exposedSecrets + tokens.map { Array($0.utf8) })
        do throws(Failure) {
            let count = invocation.words.count
            guard count >= verb.words.lowerBound else {
                throw Failure(.usage, "something is missing: jobwire \(verb.name) \(verb.forms[0])")
            }
            guard count <= verb.words.upperBound else {
                let word = PrintableText.plain(invocation.words[verb.words.upperBound])
                throw Failure(.usage, "unexpected: \(word)")
            }
            return try verb.run(Call(invocation: invocation, place: place))
        } catch {
            return complain(error, of: verb, in: place)
        }
    }

    private static func complain(_ failure: Failure, of verb: Verb?, in place: Place) -> ExitCode {
        let name = verb.map { " " + $0.name } ?? ""
        for line in failure.reason.split(separator: "\n") {
            place.complain("jobwire\(name): \(line)")
        }
        if failure.code == .usage, let verb {
            place.complain("jobwire: see jobwire \(verb.name) --help")
        }
        return failure.code
    }
}

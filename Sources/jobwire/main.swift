// The program: the command, with the server to run and the system to run in.

import CLinux
import Command
import Server

let place = Place.system(version: Server.version) { settings, log, whenListening in
    try Server(settings, log: log).run(whenListening: whenListening)
}
exit(Command.run(Array(CommandLine.arguments.dropFirst()), in: place).rawValue)

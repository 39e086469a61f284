// The program: the command, and the server for it to run.

import Command
import Server

Command.main(version: Server.version) { settings, log, endsOnHangUp, whenListening in
    try Server(settings, log: log).run(endsOnHangUp: endsOnHangUp, whenListening: whenListening)
}

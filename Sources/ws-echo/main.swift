// ws-echo says every WebSocket message back, through the same codec as the server, so that
// conformance suites can be run against it. Its only argument is ADDRESS:PORT. Never shipped.

import Loop

guard CommandLine.arguments.count == 2 else { fatalError("usage: ws-echo ADDRESS:PORT") }
let loop = try Loop()
let echo = Echo()
let listener = try loop.listen(on: .parse(CommandLine.arguments[1]), owner: echo)
loop.run()

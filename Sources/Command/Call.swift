// One call of one verb: what was typed, already read, and the place it happens in.

import Settings

struct Call {
    let invocation: Invocation
    let place: Place

    var settings: Settings { invocation.settings }
    var words: [String] { invocation.words }

    func has(_ option: String) -> Bool { invocation.options[option] != nil }

    /// The option's value, which may be given once.
    func value(_ option: String) throws(Failure) -> String? {
        let values = invocation.options[option] ?? []
        guard values.count <= 1 else { throw Failure(.usage, "--\(option) was given twice") }
        return values.first
    }

    /// All values, whether given one by one or with commas between them.
    func list(_ option: String) throws(Failure) -> [String] {
        var found: [String] = []
        for value in invocation.options[option] ?? [] {
            let words = value.split(separator: ",", omittingEmptySubsequences: false)
            guard words.allSatisfy({ !$0.isEmpty }) else {
                throw Failure(.usage, "--\(option): expected words with commas between them")
            }
            found += words.map(String.init)
        }
        return found
    }
}

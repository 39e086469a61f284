// Numbers in a query: decimal digits and nothing else. More than the most is the most, so that nobody has
// to know our limits; what is no such number is refused by name.

import Wire

extension Query {
    func count(
        _ name: String, default usual: Int, in range: ClosedRange<Int>
    ) throws(Close) -> Int {
        guard let text = first(name) else { return usual }
        let digits = text.utf8
        guard !digits.isEmpty, digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { throw .badRequest("\(name) is a whole number") }
        // Only too many digits don't fit.
        let number = Int(text) ?? .max
        guard number >= range.lowerBound else {
            throw .badRequest("\(name) is at least \(range.lowerBound)")
        }
        return min(number, range.upperBound)
    }
}

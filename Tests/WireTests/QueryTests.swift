import Testing
import Wire

@Suite("Query")
struct QueryTests {
    @Test("finds values by name, decoded, in order")
    func lookup() throws {
        let query = try Query("a=1&b=%C3%A9%2F&a=2&flag&=x&c==&&d=a+b")
        #expect(query.all("a") == ["1", "2"])
        #expect(query.first("b") == "é/")
        #expect(query.first("flag") == "")
        #expect(query.first("c") == "=")
        #expect(query.first("d") == "a+b", "a plus is a plus")
        #expect(query.first("missing") == nil)
        #expect(try Query(nil).all("a") == [])
    }

    @Test(
        "refuses what does not decode",
        arguments: [
            (.escapeMalformed, "a=%"), (.escapeMalformed, "a=%4"), (.escapeMalformed, "a=%4g"),
            (.escapeMalformed, "%zz=1"), (.escapeMalformed, "a=%%41"), (.escapeMalformed, "a=%é"),
            (.notUTF8, "a=%FF"), (.notUTF8, "a=%C3"), (.notUTF8, "a=%ED%A0%80"),
            (.notUTF8, "a=%C3&b=%A9"),
        ] as [(QueryFault, String)])
    func refusal(expected: QueryFault, raw: String) {
        #expect(throws: expected) { try Query(raw) }
    }
}

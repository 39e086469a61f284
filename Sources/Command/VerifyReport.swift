// What `jobwire verify --for` says: each job that was named or differs, and the whole.

extension VerifyLive {
    var findings: [Finding] {
        var (heard, recorded, delivered, told) = (0, 0, 0, 0)
        var found: [Finding] = []
        for job in named.union(books.keys).sorted() {
            let book = books[job] ?? VerifyBook()
            let history = histories[job]
            let comparison = book.compared(
                with: keepsHistory ? history?.entries ?? [] : nil,
                from: history?.from ?? 1)
            heard += book.heard.count
            recorded += comparison.recorded
            delivered += book.eventsDelivered
            told += comparison.told
            if !named.isEmpty || comparison.difference != nil || book.isAnew {
                found.append(finding(job, book, comparison))
            }
        }
        let counts = words(heard, recorded, delivered, told)
        let isWrong = (remarks + found).contains { $0.level == .error }
        let all =
            isWrong
            ? Finding("all", .error, counts, "Not equal: see the first difference of each job.")
            : heard == 0
                ? Finding(
                    "all", .warning, counts,
                    "No worker published meanwhile, so nothing was compared.",
                    mend: ["jobwire verify --for=1m, while jobs run"])
                : Finding("all", .ok, counts)
        return remarks + found + [all]
    }

    private func finding(
        _ job: String, _ book: VerifyBook, _ comparison: VerifyBook.Comparison
    ) -> Finding {
        let counts = words(
            book.heard.count, comparison.recorded, book.eventsDelivered, comparison.told)
        guard let difference = comparison.difference else {
            return Finding(
                job, .ok, counts + (book.isAnew ? ", since its numbering began anew" : ""))
        }
        return Finding(
            job, .error, "\(counts): \(difference)", means(book, comparison),
            mend: ["jobwire doctor    (with the bridge's settings)", "jobwire verify \(job)"])
    }

    private func means(_ book: VerifyBook, _ comparison: VerifyBook.Comparison) -> String {
        if book.delivered.isEmpty, comparison.recorded == 0 {
            return "The bridge hears nothing of it: it is stopped, or listens to another Redis or"
                + " pattern. Compare its redis-url and patterns with those used here."
        }
        if book.eventsDelivered >= book.heard.count, comparison.recorded == 0 {
            return "The bridge delivers and records elsewhere: compare history and key-prefix."
        }
        return "The bridge was away or slow, or its Redis is: its log says more."
    }

    private func words(_ heard: Int, _ recorded: Int, _ delivered: Int, _ told: Int) -> String {
        "\(heard) heard, " + (keepsHistory ? "\(recorded) recorded" : "not recorded in Redis")
            + ", \(delivered) delivered" + (told > 0 ? ", \(told) told as missing" : "")
    }
}

// Keepsakes are what the ring had to let go and readers must still be sent: all but log events, and of
// progress the latest. They are kept once for all readers of a job, and only while there are any.
//
// Invariant: numbers rise, and all lie before the ring's first.

final class Keepsakes {
    private var kept: [Entry] = []
    private var bytes = 0

    /// Takes an entry that the ring lets go. Beyond `bytesMax` the older half is given up, whatever it is.
    func keep(_ entry: Entry, bytesMax: Int) {
        let type = entry.update.type
        guard !type.isLog else { return }
        if type.isProgress, let before = kept.lastIndex(where: \.update.type.isProgress) {
            bytes -= kept.remove(at: before).byteCount
        }
        kept.append(entry)
        bytes += entry.byteCount
        guard bytes > bytesMax else { return }
        var gone = 0
        while bytes > bytesMax / 2, gone < kept.count - 1 {
            bytes -= kept[gone].byteCount
            gone += 1
        }
        kept.removeFirst(gone)
    }

    func entries(from seq: UInt64) -> ArraySlice<Entry> {
        var (low, high) = (0, kept.count)
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].seq < seq { low = middle + 1 } else { high = middle }
        }
        return kept[low...]
    }
}

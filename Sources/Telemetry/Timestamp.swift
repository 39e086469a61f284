// Milliseconds since 1970 as `2025-01-06T12:00:01.000Z`, without a calendar library.

func timestamp(milliseconds: Int64) -> String {
    let day: Int64 = 86_400_000
    let days = milliseconds >= 0 ? milliseconds / day : (milliseconds - day + 1) / day
    let rest = Int(milliseconds - days * day)
    let (year, month, dayOfMonth) = date(daysSince1970: Int(days))
    return padded(year, 4) + "-" + padded(month, 2) + "-" + padded(dayOfMonth, 2) + "T"
        + padded(rest / 3_600_000, 2) + ":" + padded(rest / 60_000 % 60, 2) + ":"
        + padded(rest / 1_000 % 60, 2) + "." + padded(rest % 1_000, 3) + "Z"
}

/// Counts in years that begin in March, so that the leap day is the last of its year.
private func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let daysIn400Years = 146_097
    let sinceMarch0000 = days + 719_468
    let era =
        (sinceMarch0000 >= 0 ? sinceMarch0000 : sinceMarch0000 - daysIn400Years + 1)
        / daysIn400Years
    let dayOfEra = sinceMarch0000 - era * daysIn400Years
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

// What tail was asked for.

struct TailOptions {
    let target: TailTarget
    var after: String?
    var history: String?
    /// Shown; all are heard, because the end of the job must be.
    var types: Set<String>?
    var showsJSON = false
    /// Goes on after the job has ended.
    var follows = false
    var caFile: String?
    /// Asked for each connection: a token made on the spot is fresh each time.
    let token: () throws(Failure) -> String
    let canRenewToken: Bool
}

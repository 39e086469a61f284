// How a request comes by the right to what it asks for: by its claims at once, else by a petition, while
// nothing else is read of the connection.
//
// Plain requests do not wait for a job to become theirs; an event stream does, before its first byte, so
// that its refusal is the same as theirs.

import Hub
import Jobs
import Telemetry
import Tokens
import Wire

/// Who may see which job, and why.
struct Permit {
    let job: JobID
    let grant: Grant
    let right: Right

    /// The job may have gone to another owner since it was asked whose it is.
    func holds(for belonging: Belonging) -> Bool { right != .belonging || grant.covers(belonging) }
}

extension HTTPConnection {
    /// Goes on where the subject may be seen, now or later, and refuses where not.
    func permit(
        _ subject: Subject, _ grant: Grant, waits: Bool = false,
        _ goOn: @escaping (HTTPConnection, Right) throws(Close) -> Void
    ) throws(Close) {
        switch Rights.answer(grant, subject, hasHook: worker.hasHook) {
        case .yes(let right):
            try worker.door.checkThereIs(subject)
            try goOn(self, right)
        case .no: throw .notCovered(subject)
        case .look, .askHook, .wait:
            let petition = Petition(
                subject, grant, waitsUntil: waits ? worker.ownerWaitEnd : nil, at: worker.loop.now
            ) { [weak self] ruling in
                self?.attempt { connection throws(Close) in
                    connection.petition = nil
                    let right = try ruling.right(to: subject)
                    try connection.worker.checkStill(grant)
                    try connection.worker.door.checkThereIs(subject)
                    try goOn(connection, right)
                }
            }
            self.petition = petition
            worker.rights.enter(petition)
        }
    }

    func attempt(_ work: (HTTPConnection) throws(Close) -> Void) {
        do throws(Close) { try work(self) } catch { refuse(error) }
    }
}

extension Ruling {
    fileprivate func right(to subject: Subject) throws(Close) -> Right {
        switch self {
        case .granted(let right): return right
        case .refused: throw .notCovered(subject)
        case .unavailable: throw .rightsUnavailable
        case .ended(let reason): throw reason
        }
    }
}

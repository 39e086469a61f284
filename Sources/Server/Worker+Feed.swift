// How a loop asks for a job that is followed here, and takes what it is answered. The feed may be on
// another loop: mail keeps the order, and the feed's loop counts whose asks have reached it (see Hub).

import Jobs

extension Worker {
    func ask(_ job: JobID) {
        if feed != nil {
            follow(job, from: index)
        } else {
            house.mailboxes[0].post(.follow(job, loop: index))
        }
    }

    func follow(_ job: JobID, from loop: Int) {
        asksTaken[loop] += 1
        feed?.follow(job, from: loop)
    }

    func open(_ opening: Opening, afterAsks asks: Int) {
        let (welcomes, resumed, request) = hub.open(opening, afterAsks: asks)
        for each in welcomes { welcome(each) }
        for follower in resumed {
            session(follower)?.resume(opening.job)
            httpFollowers[follower]?.readOn()
        }
        if request == .askFeed { ask(opening.job) }
    }
}

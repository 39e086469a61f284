// What loops tell each other for the fleet's sake, and how one of them asks all.

import Fleet

enum FleetMail: Sendable {
    // to loop 0, and back
    case ask(FleetQuestion, loop: Int, ticket: UInt64)
    case answered(FleetAnswer, ticket: UInt64)
    // from loop 0 to all
    case news(FleetNews)
    // from any to all, and back
    case askLoop(LoopQuestion, loop: Int, ticket: UInt64)
    case loopAnswered(LoopAnswer, ticket: UInt64)
}

/// What each loop of this bridge can be asked.
enum LoopQuestion: Sendable {
    /// Which token has the connection of this serial?
    case token(serial: Int)
}

enum LoopAnswer: Sendable {
    case token(RevocableToken?)
}

/// Answers that a loop waits for.
struct FleetDesk {
    struct Gathering {
        var answers: [LoopAnswer]
        let whole: ([LoopAnswer]) -> Void
    }

    var asked: [UInt64: (FleetAnswer) -> Void] = [:]
    var gatherings: [UInt64: Gathering] = [:]
}

extension Worker {
    func receive(_ mail: FleetMail) {
        switch mail {
        case .ask(let question, let loop, let ticket):
            fleet?.answer(question) { [house] answer in
                house.mailboxes[loop].post(.fleet(.answered(answer, ticket: ticket)))
            }
        case .answered(let answer, let ticket):
            fleetDesk.asked.removeValue(forKey: ticket)?(answer)
        case .news(let news): hear(news)
        case .askLoop(let question, let loop, let ticket):
            house.mailboxes[loop].post(.fleet(.loopAnswered(answer(question), ticket: ticket)))
        case .loopAnswered(let answer, let ticket): gather(answer, ticket)
        }
    }

    /// Asks every loop of this bridge, this one included.
    func askLoops(_ question: LoopQuestion, _ whole: @escaping ([LoopAnswer]) -> Void) {
        nextTicket += 1
        fleetDesk.gatherings[nextTicket] = FleetDesk.Gathering(answers: [], whole: whole)
        house.postToAll(.fleet(.askLoop(question, loop: index, ticket: nextTicket)))
    }

    private func gather(_ answer: LoopAnswer, _ ticket: UInt64) {
        fleetDesk.gatherings[ticket]?.answers.append(answer)
        guard let gathering = fleetDesk.gatherings[ticket],
            gathering.answers.count == house.mailboxes.count
        else { return }
        fleetDesk.gatherings[ticket] = nil
        gathering.whole(gathering.answers)
    }

    private func answer(_ question: LoopQuestion) -> LoopAnswer {
        switch question {
        case .token(let serial): .token(revocableToken(by: serial))
        }
    }
}

// What a session follows by the name of a queue.
//
// The loop is told first, then the jobs that there are are asked for, and once they are sent the hub
// lets the client in: what came alive meanwhile waited in the hub. The jobs' own `subscribed` and
// events come as of any job, and go with the view.
//
// Invariant: nothing of a view is sent before its `subscribed`, nor after its `unsubscribed`.

import Hub
import Jobs
import Telemetry
import Tokens
import Wire

final class SessionViews {
    var byQueue: [String: Wish] = [:]
    /// The one that the path of the socket named.
    var own: String?
    /// Lists of jobs that the feed has yet to answer.
    var asked = 0
}

extension Session {
    /// Without a greeting yet, this is what the socket is for.
    func view(_ queue: String, _ wish: Wish, _ grant: Grant, request: RequestID?) {
        let views = views ?? SessionViews()
        if !isGreeted { views.own = queue }
        if views.byQueue.updateValue(wish, forKey: queue) == nil {
            worker.metrics.subscriptions.add(1)
        }
        views.asked += 1
        self.views = views
        setViews(grant, isHeld: true)
        worker.list(queue, grant) { [weak self] jobs in
            self?.listed(jobs, request)
        }
    }

    private func listed(_ jobs: SubscribedQueue, _ request: RequestID?) {
        guard case .open(let grant) = phase, views != nil else { return }
        views?.asked -= 1
        // It may be unsubscribed by now, or the right lost.
        if views?.byQueue[jobs.queue] != nil {
            if isGreeted {
                send(ServerMessage.subscribed(.queue(jobs), id: request))
            } else {
                greet(grant, about: .queue(jobs))
            }
        }
        if !isClosing, views?.asked == 0 { worker.hub.letIn(id) }
    }

    func unview(_ queue: String, reason: Departure.Reason? = nil) -> Bool {
        guard case .open(let grant) = phase, views?.byQueue.removeValue(forKey: queue) != nil else {
            return false
        }
        if views?.own == queue { views?.own = nil }
        worker.metrics.subscriptions.add(-1)
        setViews(grant, reason: reason)
        return true
    }

    /// The rights may have become fewer, or more.
    func renewViews(_ grant: Grant) {
        setViews(grant, reason: .rightLost)
    }

    private func setViews(
        _ grant: Grant, isHeld: Bool = false, reason: Departure.Reason? = nil
    ) {
        guard let views else { return }
        var all: [String: View] = [:]
        for (queue, wish) in views.byQueue {
            all[queue] = View(wish, covers: grant.covers(queue))
        }
        worker.setViews(all, of: id, isHeld: isHeld, reason: reason)
    }

    func leaveViews() {
        guard let views else { return }
        worker.metrics.subscriptions.add(-views.byQueue.count)
        worker.setViews([:], of: id)
        self.views = nil
    }

    func left(_ departure: Departure) {
        reading?.remove(departure.job)
        send(
            ServerMessage.unsubscribed(.job(departure.job), reason: departure.reason.rawValue))
    }
}

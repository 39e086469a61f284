// A recorded feed's list of jobs: carries out what a JobSearch asks, one command after the other, so that
// what is recorded meanwhile waits for no more than one of them.

import Jobs
import Loop
import Redis

extension RecordedFeed {
    public func list(_ request: JobListRequest, _ reply: @escaping JobListReply) {
        guard recorder.isWhole else { return reply(.failure(.redisUnavailable)) }
        do throws(JobListFault) {
            advance(try JobSearch(request), reply)
        } catch {
            reply(.failure(error))
        }
    }

    /// Two fields of each are read, whatever else is kept of it, and nothing is changed.
    public func whose(_ jobs: [JobID], _ answer: @escaping ([Belonging]?) -> Void) {
        guard recorder.isWhole else { return answer(nil) }
        let arguments = calls.look(
            jobs, in: Array("jobs".utf8), fields: ["queue", "owner"], bytesMax: .max,
            random: .random(using: &random), now: WallClock.milliseconds())
        evaluate(arguments) { reply in
            guard case .success(.array(let told)) = reply, told.count == jobs.count else {
                return answer(nil)
            }
            answer(told.map(Belonging.init))
        }
    }

    private func advance(_ search: JobSearch, _ reply: @escaping JobListReply) {
        switch search.next() {
        case .done(let page): reply(.success(page))
        case .names(let birth, let count):
            let command = calls.names(of: search.list, behind: birth, count: count)
            commands?.send(command) { [weak self] in
                self?.take($0, search, reply) { $0.named($1) }
            }
        case .states(let jobs, let fields, let bytesMax):
            let arguments = calls.look(
                jobs, in: search.list, fields: fields, bytesMax: bytesMax,
                random: .random(using: &random), now: WallClock.milliseconds())
            evaluate(arguments) { [weak self] in
                self?.take($0, search, reply) { $0.states($1) }
            }
        }
    }

    private func take(
        _ answer: RedisCommands.Answer, _ search: JobSearch, _ reply: @escaping JobListReply,
        _ hear: (inout JobSearch, RedisReply) -> Bool
    ) {
        var search = search
        guard case .success(let told) = answer else {
            return reply(.failure(.redisUnavailable))
        }
        guard hear(&search, told) else { return reply(.failure(.redisRefused)) }
        advance(search, reply)
    }
}

extension Belonging {
    /// What is no state of ours says nothing.
    fileprivate init(_ reply: RedisReply) {
        guard case .array(let fields) = reply, fields.count == 2 else { self.init(); return }
        func json(_ reply: RedisReply) -> [UInt8]? {
            if case .bytes(let bytes) = reply { bytes } else { nil }
        }
        self.init(queue: json(fields[0]), owner: json(fields[1]))
    }
}

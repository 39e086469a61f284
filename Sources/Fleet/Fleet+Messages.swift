// A fleet's messages: told to all or to one, questions with their answers, and who is there.

import Bytes
import Loop
import Redis

/// What was asked of other bridges and not answered yet.
struct Questions {
    struct Question {
        let node: NodeName
        let deadline: Instant
        let reply: Fleet.Reply<[UInt8]>
    }

    var unanswered: [UInt64: Question] = [:]
}

extension Fleet {
    /// To all bridges, this one included and told at once; or to one of them. The answer is how many other
    /// listeners Redis has told, which need not mean that they did something.
    public func tell(
        _ message: FleetMessage, to other: NodeName? = nil, _ reply: @escaping Reply<Int> = { _ in }
    ) {
        guard other != node else {
            tell(.told(message, from: node))
            return reply(.success(0))
        }
        publish(Envelope(from: node, to: other, message), reply)
        if other == nil { tell(.told(message, from: node)) }
    }

    /// Asks a bridge, which may be this one.
    public func ask(
        _ message: FleetMessage, of other: NodeName, _ reply: @escaping Reply<[UInt8]>
    ) {
        guard questions.unanswered.count < limits.questionsMax else {
            return reply(.failure(.tooManyQuestions))
        }
        let number = UInt64.random(in: 0...(.max))
        questions.unanswered[number] = Questions.Question(
            node: other, deadline: loop.now + limits.answerTimeout, reply: reply)
        guard other != node else {
            return tell(.asked(message, FleetCall(from: node, number: number)))
        }
        publish(Envelope(from: node, to: other, message, role: .asks(number))) {
            [weak self] answer in
            switch answer {
            case .success(0): self?.end(number, .failure(.noSuchNode))
            case .success: break
            case .failure(let fault): self?.end(number, .failure(fault))
            }
        }
    }

    /// `data` is JSON.
    public func answer(_ call: FleetCall, _ data: [UInt8]) {
        guard call.from != node else { return end(call.number, .success(data)) }
        publish(
            Envelope(
                from: node, to: call.from, FleetMessage("answer", data),
                role: .answers(call.number))
        ) { _ in }
    }

    func publish(_ envelope: Envelope, _ reply: @escaping Reply<Int>) {
        let text = envelope.encoded
        guard text.count <= limits.messageBytesMax else { return reply(.failure(.tooLarge)) }
        send([word("PUBLISH"), word(keys.channel), text]) { [weak self] answer in
            // One of the listeners is this bridge, which passes over what it said itself.
            let own = self?.hearsOthers == true ? 1 : 0
            reply(
                answer.map { if case .integer(let all) = $0 { max(Int(all) - own, 0) } else { 0 } })
        }
    }

    func hear(_ payload: Span<UInt8>) {
        guard payload.count <= limits.messageBytesMax, let envelope = Envelope(payload) else {
            return tell(.status(.strange))
        }
        // What we said we have heard ourselves.
        guard envelope.from != node, envelope.to ?? node == node else { return }
        switch envelope.role {
        case .told where envelope.message.kind == RevocationList.announcement:
            hearAnnounced(envelope.message.data)
        case .told: tell(.told(envelope.message, from: envelope.from))
        case .asks(let number):
            tell(.asked(envelope.message, FleetCall(from: envelope.from, number: number)))
        case .answers(let number):
            guard questions.unanswered[number]?.node == envelope.from else { return }
            end(number, .success(envelope.message.data))
        }
    }

    func endLateQuestions() {
        for (number, question) in questions.unanswered where loop.now >= question.deadline {
            end(number, .failure(.noAnswer))
        }
    }

    func failQuestions() {
        for number in questions.unanswered.keys { end(number, .failure(.redisUnavailable)) }
    }

    private func end(_ number: UInt64, _ outcome: Result<[UInt8], FleetFault>) {
        questions.unanswered.removeValue(forKey: number)?.reply(outcome)
    }
}

// MARK: - Who is there

extension Fleet {
    private var ownState: [UInt8] {
        let state = state()
        return state.count <= limits.stateBytesMax ? state : word("{}")
    }

    func sayWeAreHere() {
        let life = word(String(limits.presenceLife.milliseconds))
        send([word("SET"), keys.state(of: node), ownState, word("PX"), life]) { _ in }
        send([word("SADD"), keys.nodes, word(node.text)]) { _ in }
    }

    /// The bridges that have said something of themselves lately, this one first.
    public func nodes(_ reply: @escaping Reply<[FleetNode]>) {
        let most = word(String(limits.nodesMax))
        send([word("SRANDMEMBER"), keys.nodes, most]) { [weak self] answer in
            guard let self else { return reply(.failure(.redisUnavailable)) }
            switch answer {
            case .failure(let fault): reply(.failure(fault))
            case .success(let names): readStates(of: names.nodes.filter { $0 != self.node }, reply)
            }
        }
    }

    private func readStates(of others: [NodeName], _ reply: @escaping Reply<[FleetNode]>) {
        let own = FleetNode(name: node, state: ownState)
        guard !others.isEmpty else { return reply(.success([own])) }
        send([word("MGET")] + others.map(keys.state)) { [weak self] answer in
            guard let self else { return reply(.failure(.redisUnavailable)) }
            switch answer {
            case .success(.array(let states)) where states.count == others.count:
                var (found, gone) = ([own], [[UInt8]]())
                for (name, state) in zip(others, states) {
                    guard case .bytes(let state) = state else {
                        gone.append(word(name.text))
                        continue
                    }
                    guard state.count <= limits.stateBytesMax else { continue }
                    found.append(FleetNode(name: name, state: state))
                }
                // One that comes back says so again.
                if !gone.isEmpty { send([word("SREM"), keys.nodes] + gone) { _ in } }
                reply(.success(found))
            case .success: reply(.failure(.refused("an odd answer to MGET")))
            case .failure(let fault): reply(.failure(fault))
            }
        }
    }
}

extension RedisReply {
    fileprivate var nodes: [NodeName] {
        guard case .array(let items) = self else { return [] }
        return items.compactMap { $0.text.flatMap { NodeName(checking: $0) } }
            .sorted { $0.text < $1.text }
    }
}

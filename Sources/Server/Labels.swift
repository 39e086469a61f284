// What other rooms call a thing, in the closed words of the metrics. Each switch is whole, so that a new
// case there does not compile before it has a word here.

import Hub
import Jobs
import Telemetry
import Tokens
import Wire

extension GapLabel {
    init(_ reason: GapReason) {
        switch reason {
        case .trimmed: self = .trimmed
        case .replayLimit: self = .replayLimit
        case .epochChanged: self = .epochChanged
        case .slowConsumer: self = .slowConsumer
        case .conflated: self = .conflated
        case .unrecorded: self = .unrecorded
        }
    }
}

extension Oddity {
    init(_ oddity: EventOddity) {
        switch oddity {
        case .notObject: self = .notObject
        case .notJSON: self = .notJSON
        case .notUTF8: self = .notUTF8
        case .oversized: self = .oversized
        case .nestedTooDeep: self = .nestedTooDeep
        case .nanReplaced: self = .nanReplaced
        case .duplicateKey: self = .duplicateKey
        case .bom: self = .bom
        case .renamedMember: self = .renamedMember
        }
    }
}

extension HookAsk {
    init(_ outcome: HookAnswer.Outcome) {
        switch outcome {
        case .allowed: self = .allowed
        case .refused: self = .refused
        case .failed: self = .failed
        case .overloaded: self = .overloaded
        }
    }
}

extension MessageRefusal {
    init(_ refusal: ClientRefusal) {
        switch refusal.code {
        case "bad_message", "bad_id": self = .badMessage
        case "unknown_type": self = .unknownType
        case "bad_job_id": self = .badJobID
        case "bad_cursor", "bad_history", "bad_types", "bad_progress_hz": self = .badWish
        case "forbidden": self = .forbidden
        case "too_many_jobs", "too_many_subscriptions": self = .tooMany
        case "not_built": self = .notBuilt
        default: self = .other
        }
    }

    init(_ violation: FrameViolation) {
        switch violation.closeCode {
        case 1009: self = .tooBig
        case 1007: self = .badText
        default: self = .badFrame
        }
    }
}

extension AuthRefusal {
    init(_ fault: TokenFault) {
        switch fault {
        case .missing: self = .missing
        case .tooLong: self = .tooLong
        case .malformed, .duplicateMember, .criticalHeader: self = .malformed
        case .algorithmNotAllowed, .wrongType: self = .algorithm
        case .unknownKey, .keysAwaited: self = .key
        case .revoked: self = .revoked
        case .revocationsAwaited: self = .other
        case .wrongIssuer, .wrongAudience: self = .audience
        case .badSignature: self = .signature
        case .expired: self = .expired
        case .notYetValid: self = .notYetValid
        case .noExpiry: self = .noExpiry
        case .badTime, .badSubject, .badNames, .badScope, .badTokenID: self = .claims
        }
    }
}

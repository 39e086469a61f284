"""One history by itself, of a stream or as a client had it: its order, and that what is missing lies at a gap.

Each fault is yielded as the rule that it breaks and what broke it, in words.
"""

from .events import GAP, EventID
from .followers import RESET


def faults_of_stream(kept):
    """Without holes, and up to the state's seq."""
    seqs = [seq for seq, _ in kept.entries]
    if seqs and seqs != list(range(seqs[0], seqs[0] + len(seqs))):
        yield "contiguous", f"the stream of {kept.job} has holes"
    if kept.epoch and seqs and seqs[-1] != kept.seq:
        yield "contiguous", f"the stream of {kept.job} ends at {seqs[-1]}, its state at {kept.seq}"


def faults_of_history(world, label, items, since=None):
    """Nothing twice, plain events in Redis' order, and whatever is missing lies at a gap.

    `since`: from then on the items are all of the job's, for a client that follows it.
    """
    seen, last_order, last_number, epoch = {}, None, {}, None
    gaps = 0  # how many gaps came so far
    for item_epoch, seq, what in items:
        if what == RESET:
            seen, last_order, gaps = {}, None, gaps + 1
            epoch = item_epoch
            continue
        if not isinstance(what, EventID):
            gaps += what != "same"
            if what == GAP and item_epoch != epoch:
                seen = {event: at for event, at in seen.items() if at < seq}
                last_order = None
            epoch = item_epoch
            continue
        if what in seen:
            yield "twice", f"{label}: {what} at {seen[what]} and {seq}"
        seen[what] = seq
        publication = world.publications.get(what)
        if publication is None:
            continue
        order = world.witness.order.get(what)
        if order and not publication.is_durable:
            if last_order and order[0] == last_order[0] and order[1] < last_order[1]:
                yield "order", f"{label}: {what} at {seq} is not in Redis' order"
            last_order = order
        number, last_seq, gaps_then = last_number.get(what.publisher, (0, 0, 0))
        if gaps == gaps_then and (missing := _missing(world, what, number, since)):
            yield "missing", f"{label}: {what.publisher}#{missing} between seq {last_seq} and {seq}, without a gap"
        last_number[what.publisher] = (what.n, seq, gaps)


def _missing(world, event, number, since):
    """Which of its publisher's numbers lie between the last one, `number`, and this one."""
    if not number and since is None:
        return []
    between = [world.publications[EventID(event.job, event.publisher, n)] for n in range(number + 1, event.n)]
    # Of what a client never heard of before, only what was published after its replay is surely its own.
    return [each.id.n for each in between if each.answered and (number or each.sent > since)]

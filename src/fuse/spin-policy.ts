// How long the device is polled before the serving thread sleeps. Polling wins a wake-up's time
// when the next request comes at once, and takes a processor from the clients when it does not;
// which of the two follows depends on what was answered last. A listing's first part is followed
// at once by its next, an empty last part by whatever the client does with the names.

/** About four round trips. */
const SPIN_NANOSECONDS = 60_000
/** Kinds of answers: an opcode, and whether the answer was empty. */
const KINDS = 128
/** Weight of the latest outcome in a kind's share of hits. */
const WEIGHT = 1 / 8
/** Share of hits below which a kind is not polled after, but now and then to learn anew. */
const WORTH = 0.5
const PROBE_EVERY = 16

export class SpinPolicy {
  private readonly hits = new Float64Array(KINDS).fill(1)
  private readonly skipped = new Uint8Array(KINDS)
  private kind = 0

  /** Nanoseconds to poll after an answer to `opcode`; `isEmpty`: nothing but its header. */
  after(opcode: number, isEmpty: boolean): number {
    const kind = (2 * opcode + (isEmpty ? 1 : 0)) % KINDS
    this.kind = kind
    if ((this.hits[kind] ?? 0) >= WORTH) return SPIN_NANOSECONDS
    const skipped = ((this.skipped[kind] ?? 0) + 1) % PROBE_EVERY
    this.skipped[kind] = skipped
    return skipped === 0 ? SPIN_NANOSECONDS : 0
  }

  /** What came of it: the thread slept after all, or the next request came before. */
  learn(polled: boolean, slept: boolean): void {
    if (!polled && slept) return
    const before = this.hits[this.kind] ?? 0
    this.hits[this.kind] = before + WEIGHT * ((slept ? 0 : 1) - before)
  }
}

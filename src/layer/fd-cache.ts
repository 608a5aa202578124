// A bounded set of open descriptors that can be opened again. The one evicted is the least
// recently used of a few that are looked at; a holder that is busy (its descriptor is with the
// pool) or was used a moment ago is never taken, so that a descriptor just obtained stays valid
// for the rest of an operation.
import { close } from './object-calls.js'

/** Something that owns one descriptor of the cache; -1 when it has none. */
export interface FdHolder {
  fd: number
  /** The cache's clock at the last use. */
  used: number
  /** Uses that must not lose the descriptor. */
  busy: number
}

/** Uses of the cache for which an obtained descriptor stays valid, whatever is opened. */
const SAFE_USES = 256
/** Holders compared for one eviction. */
const SAMPLE = 12

export class FdCache {
  private readonly ring: FdHolder[] = []
  private readonly places = new Map<FdHolder, number>()
  private hand = 0
  private clock = 0

  private readonly capacity: number

  /** At most `capacity` descriptors, as long as holders can be evicted. */
  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.ring.length
  }

  /** Notes a use of a holder's descriptor. */
  touch(holder: FdHolder): void {
    holder.used = ++this.clock
  }

  /** Takes over `holder`'s descriptor, evicting another where the cache is full. */
  admit(holder: FdHolder): void {
    this.touch(holder)
    if (this.ring.length >= this.capacity) this.evict()
    this.places.set(holder, this.ring.length)
    this.ring.push(holder)
  }

  /** Closes a holder's descriptor now, if it has one. */
  drop(holder: FdHolder): void {
    const fd = this.take(holder)
    if (fd >= 0) close(fd)
  }

  /** Removes a holder and hands its descriptor to the caller (-1 when it had none). */
  take(holder: FdHolder): number {
    const place = this.places.get(holder)
    if (place !== undefined) {
      this.places.delete(holder)
      const last = this.ring.pop()
      if (last !== undefined && last !== holder) {
        this.ring[place] = last
        this.places.set(last, place)
      }
    }
    const fd = holder.fd
    holder.fd = -1
    return fd
  }

  /**
   * Closes every descriptor that no pool job has (after EMFILE), those obtained a moment ago too:
   * for use between operations only. Returns how many.
   */
  shrink(): number {
    let closed = 0
    for (const holder of [...this.ring]) {
      if (holder.busy > 0) continue
      this.drop(holder)
      closed++
    }
    return closed
  }

  private evict(): void {
    let victim: FdHolder | null = null
    let looked = 0
    for (let steps = this.ring.length; steps > 0 && looked < SAMPLE; steps--) {
      this.hand = (this.hand + 1) % this.ring.length
      const holder = this.ring[this.hand]
      if (holder === undefined || !this.mayGo(holder)) continue
      looked++
      if (victim === null || holder.used < victim.used) victim = holder
    }
    if (victim !== null) this.drop(victim)
  }

  private mayGo(holder: FdHolder): boolean {
    return holder.busy === 0 && holder.used <= this.clock - SAFE_USES
  }
}

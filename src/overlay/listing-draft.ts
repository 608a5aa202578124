// The names of a directory's parts while they are collected, and the order they are put in. One
// draft serves all listings in turn: it must not be held across another listing's making.

/** Words of a listing's entry. */
export const STRIDE = 8
export const COOKIE_LOW = 0
export const COOKIE_HIGH = 1
/** Where the name begins in the listing's names. */
export const START = 2
export const INO_LOW = 3
export const INO_HIGH = 4
/** DT_ number, the bits below, and the place. */
export const KIND = 5
/** Nodeid and lookups of a child that is dormant (see dormant.ts), else 0. */
export const ID = 6
export const LOOKUPS = 7

export const TYPE_MASK = 0xf
/** In more than one part, or perhaps so: what was made since may lie over a hidden name. */
export const SEVERAL = 1 << 8
export const GONE = 1 << 9
/** Place 0 is the upper, i + 1 the directory's lower part i. */
export const PLACE_SHIFT = 16

/** Offsets 1 and 2 follow `.` and `..`. */
export const FIRST_COOKIE = 3
/** Cookies are exact doubles: 52 bits, and room for collisions above them. */
const HASH_HIGH_BITS = 0xf_ffff
/** Below, sorting by insertion takes less than setting a general sort up. */
const FEW = 24

/** A 52-bit hash of a name, seeded so that nobody can choose names that collide. */
export class NameHash {
  low = 0
  high = 0
  private a = 0
  private b = 0

  begin(seed: number): void {
    this.a = seed | 0
    this.b = seed ^ 0x9e37_79b9
  }

  add(byte: number): void {
    const a = Math.imul(this.a ^ byte, 0x85eb_ca6b)
    const b = Math.imul(this.b ^ byte, 0xc2b2_ae35)
    this.a = a ^ (a >>> 15)
    this.b = b ^ (b >>> 13)
  }

  /** Sets `low` and `high` to the cookie of what was added. */
  end(): void {
    let a = Math.imul(this.a ^ (this.b >>> 7), 0x27d4_eb2f)
    let b = Math.imul(this.b ^ (a >>> 11), 0x1656_67b1)
    a ^= a >>> 14
    b ^= b >>> 16
    const low = (b >>> 0) + FIRST_COOKIE
    this.low = low >>> 0
    this.high = ((a >>> 0) & HASH_HIGH_BITS) + (low > 0xffff_ffff ? 1 : 0)
  }

  ofName(name: string, seed: number): void {
    this.begin(seed)
    for (let i = 0; i < name.length; i++) this.add(name.charCodeAt(i))
    this.end()
  }
}

/** Names in order, each with a NUL behind it, and STRIDE words for each. */
export interface Ordered {
  readonly names: string
  readonly words: Uint32Array
}

export class Draft {
  seed = 0
  /** Names added, those dropped again included. */
  count = 0
  private used = 0
  private bytes = Buffer.alloc(1 << 16)
  private sorted = Buffer.alloc(1 << 16)
  /** STRIDE words an entry, START into `bytes`. */
  private words = new Uint32Array(1024 * STRIDE)
  private order = new Uint32Array(1024)
  private readonly hash = new NameHash()

  /** Begins a new draft; the one before is over. */
  begin(seed: number): this {
    this.seed = seed
    this.count = 0
    this.used = 0
    return this
  }

  /** Adds the name in `source` from `start` to `end`; `kind` as KIND has it. Returns its index. */
  add(
    source: Uint8Array,
    start: number,
    end: number,
    kind: number,
    inoLow: number,
    inoHigh: number,
  ): number {
    this.reserve(end - start + 1)
    const { bytes, hash } = this
    const at = this.used
    let to = at
    hash.begin(this.seed)
    for (let i = start; i < end; i++) {
      const byte = source[i] ?? 0
      bytes[to++] = byte
      hash.add(byte)
    }
    bytes[to++] = 0
    hash.end()
    this.used = to
    return this.enter(at, kind, inoLow, inoHigh)
  }

  addName(name: string, kind: number, inoLow: number, inoHigh: number): number {
    this.reserve(name.length + 1)
    const at = this.used
    this.bytes.latin1Write(name, at)
    this.used = at + name.length
    this.bytes[this.used++] = 0
    this.hash.ofName(name, this.seed)
    return this.enter(at, kind, inoLow, inoHigh)
  }

  /** The index of a name, undefined where it was not added. */
  find(name: string): number | undefined {
    for (let i = 0; i < this.count; i++) if (this.nameAt(i) === name) return i
    return undefined
  }

  nameAt(index: number): string {
    const [start, end] = [this.startOf(index), this.endOf(index)]
    return this.bytes.latin1Slice(start, end)
  }

  kindAt(index: number): number {
    return this.words[index * STRIDE + KIND] ?? 0
  }

  setKind(index: number, kind: number): void {
    this.words[index * STRIDE + KIND] = kind
  }

  /** The entries that are not GONE, in order: names one after another, each with a NUL. */
  arrange(): Ordered {
    const order = this.ordered()
    const words = new Uint32Array(order.length * STRIDE)
    if (this.sorted.length < this.used) this.sorted = Buffer.alloc(this.bytes.length)
    let length = 0
    for (let i = 0; i < order.length; i++) {
      const from = order[i] ?? 0
      const at = i * STRIDE
      for (let k = 0; k < STRIDE; k++) words[at + k] = this.words[from * STRIDE + k] ?? 0
      words[at + START] = length
      const end = this.endOf(from)
      for (let k = this.startOf(from); k <= end; k++)
        this.sorted[length++] = this.bytes[k] ?? 0
      if (i > 0) numberApart(words, at)
    }
    return { names: this.sorted.latin1Slice(0, length), words }
  }

  private enter(start: number, kind: number, inoLow: number, inoHigh: number): number {
    const { words, hash } = this
    const at = this.count * STRIDE
    words[at + COOKIE_LOW] = hash.low
    words[at + COOKIE_HIGH] = hash.high
    words[at + START] = start
    words[at + INO_LOW] = inoLow
    words[at + INO_HIGH] = inoHigh
    words[at + KIND] = kind
    words[at + ID] = 0
    words[at + LOOKUPS] = 0
    return this.count++
  }

  /** Indices of what is not gone, by cookie, then by name. */
  private ordered(): Uint32Array {
    let count = 0
    for (let i = 0; i < this.count; i++)
      if ((this.kindAt(i) & GONE) === 0) this.order[count++] = i
    const order = this.order.subarray(0, count)
    if (count > FEW) return order.sort((a, b) => this.compare(a, b))
    for (let i = 1; i < count; i++) {
      const one = order[i] ?? 0
      let k = i
      for (; k > 0 && this.compare(order[k - 1] ?? 0, one) > 0; k--)
        order[k] = order[k - 1] ?? 0
      order[k] = one
    }
    return order
  }

  private compare(a: number, b: number): number {
    const { words } = this
    const [x, y] = [a * STRIDE, b * STRIDE]
    return (
      (words[x + COOKIE_HIGH] ?? 0) - (words[y + COOKIE_HIGH] ?? 0) ||
      (words[x + COOKIE_LOW] ?? 0) - (words[y + COOKIE_LOW] ?? 0) ||
      this.bytes.compare(
        this.bytes,
        this.startOf(b),
        this.endOf(b),
        this.startOf(a),
        this.endOf(a),
      )
    )
  }

  private startOf(index: number): number {
    return this.words[index * STRIDE + START] ?? 0
  }

  private endOf(index: number): number {
    return (index + 1 < this.count ? this.startOf(index + 1) : this.used) - 1
  }

  private reserve(length: number): void {
    if (this.used + length > this.bytes.length) {
      const larger = Buffer.alloc(2 * (this.used + length))
      this.bytes.copy(larger, 0, 0, this.used)
      this.bytes = larger
    }
    if (this.count < this.order.length) return
    this.order = new Uint32Array(2 * this.count)
    const words = new Uint32Array(2 * this.count * STRIDE)
    words.set(this.words)
    this.words = words
  }
}

/** Names that share a hash get cookies one apart. */
function numberApart(words: Uint32Array, at: number): void {
  const before = at - STRIDE
  const high = words[before + COOKIE_HIGH] ?? 0
  const low = words[before + COOKIE_LOW] ?? 0
  const own = words[at + COOKIE_HIGH] ?? 0
  if (own > high || (own === high && (words[at + COOKIE_LOW] ?? 0) > low)) return
  words[at + COOKIE_LOW] = low + 1
  words[at + COOKIE_HIGH] = low === 0xffff_ffff ? high + 1 : high
}

let oldNames = Buffer.alloc(0)
let newNames = Buffer.alloc(0)

/** Two orders made one, without what is GONE in the first; linear, whatever was added. */
export function mergeOrdered(one: Ordered, other: Ordered): Ordered {
  const bytes = one.names.length + other.names.length
  if (oldNames.length < bytes) {
    oldNames = Buffer.alloc(2 * bytes)
    newNames = Buffer.alloc(2 * bytes)
  }
  oldNames.latin1Write(one.names, 0)
  oldNames.latin1Write(other.names, one.names.length)
  const words = new Uint32Array(one.words.length + other.words.length)
  let count = 0
  let length = 0
  const take = (from: Uint32Array, at: number, shift: number): void => {
    const to = count++ * STRIDE
    for (let k = 0; k < STRIDE; k++) words[to + k] = from[at + k] ?? 0
    words[to + START] = length
    let byte = oldNames[shift + (from[at + START] ?? 0)] ?? 0
    for (let k = shift + (from[at + START] ?? 0); byte !== 0; byte = oldNames[++k] ?? 0)
      newNames[length++] = byte
    newNames[length++] = 0
    if (to > 0) numberApart(words, to)
  }
  let a = 0
  let b = 0
  while (a < one.words.length || b < other.words.length) {
    if (((one.words[a + KIND] ?? 0) & GONE) !== 0) a += STRIDE
    else if (b >= other.words.length || isBefore(one.words, a, other.words, b)) {
      take(one.words, a, 0)
      a += STRIDE
    } else {
      take(other.words, b, one.names.length)
      b += STRIDE
    }
  }
  return { names: newNames.latin1Slice(0, length), words: words.slice(0, count * STRIDE) }
}

function isBefore(x: Uint32Array, a: number, y: Uint32Array, b: number): boolean {
  if (a >= x.length) return false
  const high = (x[a + COOKIE_HIGH] ?? 0) - (y[b + COOKIE_HIGH] ?? 0)
  return high !== 0 ? high < 0 : (x[a + COOKIE_LOW] ?? 0) <= (y[b + COOKIE_LOW] ?? 0)
}

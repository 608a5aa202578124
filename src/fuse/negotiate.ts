// INIT: what the kernel offers, what we want, what is agreed. Pure: from words to words.
import { INIT, INIT2 } from './abi/flags.js'
import { fuse_init_in as IN, fuse_init_out as OUT } from './abi/structs.js'
import type { Reply } from './reply.js'
import type { Request } from './request.js'

export const MAJOR = 7
/** The newest minor we speak, and the oldest: below 31 READDIR's and INIT's forms differ. */
export const MINOR_NEWEST = 45
export const MINOR_OLDEST = 31
/** The first minor whose INIT carries flags2. */
const MINOR_FLAGS2 = 36
/** 1 MiB requests: the default of fs.fuse.max_pages_limit. */
const MAX_PAGES = 256
const PAGE = 4096

export interface Wishes {
  /** Caps the minor (also how an old kernel is played). */
  readonly minor: number
  readonly passthrough: boolean
  readonly maxStackDepth: number
  readonly acl: boolean
}

/** What a session has agreed with the kernel. */
export interface Negotiated {
  readonly minor: number
  readonly flags: number
  readonly flags2: number
  readonly passthrough: boolean
  readonly maxWrite: number
}

/** ALWAYS: what every mount wants where it is offered. */
const ALWAYS =
  INIT.ASYNC_READ |
  INIT.ATOMIC_O_TRUNC |
  INIT.BIG_WRITES |
  INIT.DONT_MASK |
  INIT.HAS_IOCTL_DIR |
  INIT.DO_READDIRPLUS |
  INIT.ASYNC_DIO |
  INIT.PARALLEL_DIROPS |
  INIT.ABORT_ERROR |
  INIT.MAX_PAGES |
  INIT.CACHE_SYMLINKS |
  INIT.NO_OPENDIR_SUPPORT |
  INIT.EXPLICIT_INVAL_DATA |
  INIT.HANDLE_KILLPRIV_V2 |
  INIT.SETXATTR_EXT |
  INIT.INIT_EXT

const ALWAYS2 = INIT2.HAS_EXPIRE_ONLY | INIT2.DIRECT_IO_ALLOW_MMAP | INIT2.HAS_RESEND

/**
 * Answers INIT. Returns what was agreed, null where the kernel must ask again (a newer major:
 * fuse_init replies with ours), or -EPROTO-like 0 minor when it is too old.
 */
export function negotiate(req: Request, reply: Reply, wishes: Wishes): Negotiated | null {
  const major = req.u32(IN.major)
  const offeredMinor = req.u32(IN.minor)
  if (major > MAJOR) {
    reply.appendWords(MAJOR, MINOR_NEWEST)
    reply.bytes.fill(0, reply.length, reply.length + OUT.size - 8)
    reply.length += OUT.size - 8
    return null
  }
  const minor = Math.min(offeredMinor, wishes.minor, MINOR_NEWEST)
  const offered = req.u32(IN.flags)
  const offered2 =
    minor >= MINOR_FLAGS2 && (offered & INIT.INIT_EXT) !== 0 ? req.u32(IN.flags2) : 0
  let flags = offered & (ALWAYS | (wishes.acl ? INIT.POSIX_ACL : 0))
  if (minor < MINOR_FLAGS2) flags &= ~INIT.INIT_EXT
  if (minor < 33) flags &= ~(INIT.HANDLE_KILLPRIV_V2 | INIT.SETXATTR_EXT)
  const flags2 = offered2 & (ALWAYS2 | (wishes.passthrough ? INIT2.PASSTHROUGH : 0))
  const passthrough = minor >= 40 && (flags2 & INIT2.PASSTHROUGH) !== 0
  const agreed: Negotiated = {
    minor,
    flags,
    flags2: passthrough ? flags2 : flags2 & ~INIT2.PASSTHROUGH,
    passthrough,
    maxWrite: (flags & INIT.MAX_PAGES) !== 0 ? MAX_PAGES * PAGE : 32 * PAGE,
  }
  write(reply, agreed, req.u32(IN.max_readahead), wishes)
  return agreed
}

function write(
  reply: Reply,
  agreed: Negotiated,
  maxReadahead: number,
  wishes: Wishes,
): void {
  const at = reply.length
  const b = reply.bytes
  b.fill(0, at, at + OUT.size)
  b.writeUInt32LE(MAJOR, at + OUT.major)
  b.writeUInt32LE(agreed.minor, at + OUT.minor)
  b.writeUInt32LE(Math.max(maxReadahead, MAX_PAGES * PAGE), at + OUT.max_readahead)
  b.writeInt32LE(agreed.flags | 0, at + OUT.flags)
  b.writeUInt16LE(64, at + OUT.max_background)
  b.writeUInt16LE(48, at + OUT.congestion_threshold)
  b.writeUInt32LE(agreed.maxWrite, at + OUT.max_write)
  b.writeUInt32LE(1, at + OUT.time_gran)
  b.writeUInt16LE(MAX_PAGES, at + OUT.max_pages)
  b.writeInt32LE(agreed.flags2 | 0, at + OUT.flags2)
  b.writeUInt32LE(agreed.passthrough ? wishes.maxStackDepth : 0, at + OUT.max_stack_depth)
  reply.length += OUT.size
}

// From paths to nodes. The operations know nodes, which a LOOKUP makes known and a FORGET lets go of:
// each LOOKUP here is answered by one FORGET, at once or, for the directories used last, when others
// have taken their place.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type { Operations } from '../fuse/operations.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import { entryIsDirectory, entryNode } from './decode-reply.js'

const ROOT = 1
/** Directories that are held at most. */
const MOST_HELD = 1024
/** What a decoder puts where bytes were no UTF-8. */
const REPLACEMENT = '\ufffd'

type Names = Pick<Operations, 'lookup' | 'forget'>

export class PathWalk {
  /** Node numbers by path ('' is the root), the one used last at the end. */
  private readonly held = new Map<string, number>()
  private readonly fs: Names
  private readonly request: Request
  private readonly reply: Reply
  private readonly most: number

  constructor(fs: Names, request: Request, reply: Reply, most = MOST_HELD) {
    this.fs = fs
    this.request = request
    this.reply = reply
    this.most = most
  }

  /** Calls with a path's node. Returns what it returns, or -errno. */
  on(path: string, act: (nodeid: number) => number): number {
    const held = this.heldAt(keyOf(path))
    if (held > 0) return act(held)
    const [parent, name] = this.parentOf(path)
    const nodeid = this.lookup(parent, name)
    if (nodeid < 0) return nodeid
    if (entryIsDirectory(this.reply)) {
      this.hold(path, nodeid)
      return act(nodeid)
    }
    try {
      return act(nodeid)
    } finally {
      this.fs.forget(nodeid, 1)
    }
  }

  /** The node of the directory that a path's last name is in, or -errno; and the name, as bytes. */
  parentOf(path: string): [parent: number, name: string] {
    const slash = path.lastIndexOf('/')
    return [this.directory(path.slice(0, slash)), bytesOf(path.slice(slash + 1))]
  }

  /** The node of a name, which owes a FORGET, or -errno. The reply is its entry. */
  lookup(parent: number, name: string): number {
    if (parent < 0) return parent
    this.reply.begin()
    const error = this.fs.lookup(this.request, this.reply, parent, name)
    if (error < 0) return error
    const nodeid = entryNode(this.reply)
    return nodeid === 0 ? -E.ENOENT : nodeid
  }

  /**
   * Calls while the node of a name is known, as the kernel knows whatever it removes or moves: what
   * somebody may hold without a name is given back by its FORGET. An absent name has no node.
   */
  whileKnown(parent: number, name: string, act: () => number): number {
    const nodeid = this.lookup(parent, name)
    if (nodeid === -E.ENOENT) return act()
    if (nodeid < 0) return nodeid
    try {
      return act()
    } finally {
      this.fs.forget(nodeid, 1)
    }
  }

  /** Lets go of a path and of all below it, which lead elsewhere now. */
  letGo(path: string): void {
    const below = `${path}/`
    for (const [at, nodeid] of this.held) {
      if (at !== path && !at.startsWith(below)) continue
      this.held.delete(at)
      this.fs.forget(nodeid, 1)
    }
  }

  letGoOfAll(): void {
    for (const nodeid of this.held.values()) this.fs.forget(nodeid, 1)
    this.held.clear()
  }

  private directory(path: string): number {
    const held = this.heldAt(path)
    if (held > 0) return held
    const nodeid = this.lookup(...this.parentOf(path))
    if (nodeid < 0) return nodeid
    if (entryIsDirectory(this.reply)) {
      this.hold(path, nodeid)
      return nodeid
    }
    this.fs.forget(nodeid, 1)
    return -E.ENOTDIR
  }

  private heldAt(path: string): number {
    if (path === '') return ROOT
    const nodeid = this.held.get(path)
    if (nodeid === undefined) return 0
    this.held.delete(path)
    this.held.set(path, nodeid)
    return nodeid
  }

  private hold(path: string, nodeid: number): void {
    this.held.set(path, nodeid)
    if (this.held.size <= this.most) return
    for (const [oldest, forgotten] of this.held) {
      this.held.delete(oldest)
      this.fs.forget(forgotten, 1)
      return
    }
  }
}

function keyOf(path: string): string {
  return path === '/' ? '' : path
}

/**
 * A name's bytes, a character each. The package decodes them before anybody sees them: where some were
 * no UTF-8 the name is lost, and a name that holds the mark of that cannot be told from such a one.
 * @throws FsError EILSEQ.
 */
export function bytesOf(text: string): string {
  if (text.includes(REPLACEMENT)) throw new FsError(E.EILSEQ, 'name', text)
  return Buffer.from(text, 'utf8').latin1Slice()
}

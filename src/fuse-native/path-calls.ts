// How a callback with a path becomes a call of an operation: the node is found, the reply begun, and
// whatever happens becomes 0 or -errno.
import { E, errnoName } from '../errno/errno.js'
import { toErrno } from '../errno/fs-error.js'
import { fuse_in_header, fuse_out_header } from '../fuse/abi/structs.js'
import { type Operations, PENDING } from '../fuse/operations.js'
import { Reply } from '../fuse/reply.js'
import { Request } from '../fuse/request.js'
import { log } from '../log/log.js'
import { AtOnceChannel } from './at-once-channel.js'
import { entryNode, openedHandle } from './decode-reply.js'
import { PathWalk } from './path-walk.js'

const BODY = fuse_out_header.size
/** What libfuse 2 reads and writes at once, and room for the longest attribute and listing. */
const LARGEST = 131_072

export interface OpenFile {
  readonly nodeid: number
  readonly fh: number
}

export class PathCalls {
  protected readonly channel = new AtOnceChannel()
  protected readonly reply = new Reply(new ArrayBuffer(BODY + LARGEST))
  protected readonly request = ownRequest()
  protected readonly walk: PathWalk
  /** By the number that libfuse keeps for it; the package takes 0 for none. */
  private readonly files: (OpenFile | null)[] = [null]
  private readonly free: number[] = []
  protected readonly fs: Operations
  private readonly debug: boolean

  /** @param debug logs each callback. */
  constructor(fs: Operations, debug: boolean) {
    this.fs = fs
    this.debug = debug
    this.walk = new PathWalk(fs, this.request, this.reply)
    const nothing = { minor: 0, flags: 0, flags2: 0, passthrough: false }
    fs.start(this.channel, { ...nothing, maxWrite: LARGEST })
  }

  /** Paths lead to other things from now on. */
  forgetPaths(): void {
    this.walk.letGoOfAll()
  }

  /** The mount is gone: everything held is given back. */
  stop(): void {
    this.fs.stop()
  }

  /** Calls with a path's node. */
  protected on(what: string, path: string, act: (nodeid: number) => number): number {
    return this.perform(what, path, () =>
      this.walk.on(path, id => {
        this.reply.begin()
        return act(id)
      }),
    )
  }

  /** Calls with the node of the directory that the last name is in, and that name. */
  protected at(
    what: string,
    path: string,
    act: (parent: number, name: string) => number,
  ): number {
    return this.perform(what, path, () => {
      const [parent, name] = this.walk.parentOf(path)
      if (parent < 0) return parent
      this.reply.begin()
      return act(parent, name)
    })
  }

  /** The same for what answers with an entry: the kernel does not see it, so it is forgotten. */
  protected make(
    what: string,
    path: string,
    act: (parent: number, name: string) => number,
  ): number {
    return this.at(what, path, (parent, name) => {
      const error = act(parent, name)
      if (error === 0) this.fs.forget(entryNode(this.reply), 1)
      return error
    })
  }

  protected onFile(
    what: string,
    handle: number,
    act: (file: OpenFile) => number,
  ): number {
    return this.perform(what, handle, () => {
      const file = this.files[handle]
      if (file === undefined || file === null) return -E.EBADF
      this.reply.begin()
      return act(file)
    })
  }

  /** Keeps an open file, whose fuse_open_out is at byte `at` of the reply. */
  protected keep(nodeid: number, at: number): number {
    const handle = this.free.pop() ?? this.files.length
    this.files[handle] = { nodeid, fh: openedHandle(this.reply, at) }
    return handle
  }

  /** Its number may be another's from now on. */
  protected drop(handle: number): void {
    this.files[handle] = null
    this.free.push(handle)
  }

  /** 0 or -errno, whatever happens: nothing may end the loop that calls back. */
  private perform(what: string, on: string | number, act: () => number): number {
    let result = this.attempt(what, on, act)
    if (result === -E.EMFILE && this.fs.releaseDescriptors() > 0)
      result = this.attempt(what, on, act)
    if (this.debug)
      log.debug(`${what} ${JSON.stringify(on)} -> ${result < 0 ? errnoName(-result) : 0}`)
    return result
  }

  private attempt(what: string, on: string | number, act: () => number): number {
    try {
      const result = act()
      if (result !== PENDING) return result
      log.error(`${what} ${JSON.stringify(on)}: nobody would answer it`)
      return -E.EIO
    } catch (error) {
      const errno = toErrno(error)
      if (errno === E.EIO)
        log.error(`${what} ${JSON.stringify(on)}: ${String(error)}`, error)
      return -errno
    }
  }
}

/** The package does not say who calls; without allow_other nobody does but who has mounted. */
function ownRequest(): Request {
  const request = new Request(
    new ArrayBuffer(fuse_in_header.size),
    0,
    fuse_in_header.size,
    -1,
  )
  request.words[fuse_in_header.len >>> 2] = fuse_in_header.size
  request.words[fuse_in_header.uid >>> 2] = process.geteuid?.() ?? 0
  request.words[fuse_in_header.gid >>> 2] = process.getegid?.() ?? 0
  request.words[fuse_in_header.pid >>> 2] = process.pid
  return request
}

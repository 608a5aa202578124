// Open files and how their data goes: through the kernel's page cache with READ and WRITE
// requests, or straight to the backing file (passthrough). The kernel demands that all opens of
// an inode agree while any is open (fs/fuse/iomode.c); a node's I/O mode keeps that promise.
import { E } from '../errno/errno.js'
import { FOPEN } from '../fuse/abi/flags.js'
import type { FdCache, FdHolder } from '../layer/fd-cache.js'
import { O_RDONLY, O_RDWR, O_WRONLY } from '../sys/constants.js'
import { backingClose, backingOpen } from '../sys/device.js'
import { close, pread } from '../sys/file.js'
import type { ArchivedFile } from '../layer/archive-layer/archived-file.js'
import { archivedData, checkUnchanged } from './archived-data.js'
import { locateData, openObject } from './locate.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

const ELFMAG = Buffer.from('\x7fELF', 'latin1')
const beginning = Buffer.alloc(ELFMAG.length)

type Mode = 'idle' | 'cached' | 'passthrough'

/** The open side of a node: made at its first open, kept until the node is forgotten. */
export class OpenFile implements FdHolder {
  fd = -1
  used = 0
  busy = 0
  /** The descriptor may write. */
  writable = false
  opens = 0
  mode: Mode = 'idle'
  backingId = 0
  /** The backing id is of the lower file: a read-only mount's, or a program's. */
  backingIsLower = false
  /** Its data begins as a program or a shared library does; null until it is asked. */
  isProgram: boolean | null = null
  /** The data, where it lies in an archive; found at the first use. */
  archived: ArchivedFile | null = null

  /**
   * Descriptors from the first open to the last close, for servers that are not root: a mode
   * taken away in between keeps them from opening the file again.
   */
  heldRead = -1
  heldWrite = -1

  /** Completion of pool work on the descriptor. */
  complete(): void {
    this.busy--
  }
}

/** What an open is answered with. */
export interface OpenAnswer {
  flags: number
  backingId: number
}

export class OpenFiles {
  /** Handles by number: RELEASE may come after FORGET of its node. */
  private readonly handles: (Node | null)[] = [null]
  /** Which of them may write. */
  private readonly writing: boolean[] = [false]
  private readonly free: number[] = []
  private readonly answer: OpenAnswer = { flags: 0, backingId: 0 }
  /** Idle nodes with a backing id, the least recently used first. */
  private readonly idleBackings = new Set<Node>()
  private openCount = 0
  private backingCount = 0

  private readonly u: Union
  private readonly device: number
  private passthrough: boolean

  constructor(u: Union, device: number, passthrough: boolean) {
    this.u = u
    this.device = device
    this.passthrough = passthrough
  }

  get open(): number {
    return this.openCount
  }

  get backingIds(): number {
    return this.backingCount
  }

  get usesPassthrough(): boolean {
    return this.passthrough
  }

  /** The node of a handle; null for 0 and for handles that were never given. */
  nodeOf(fh: number): Node | null {
    return this.handles[fh] ?? null
  }

  /**
   * Opens a node: joins the mode that its opens are in, or chooses one. The caller has copied
   * the node up when it is opened for writing. `access` is O_RDONLY, O_WRONLY or O_RDWR.
   * Returns the handle, or -errno.
   */
  openNode(node: Node, access: number): number {
    const file = (node.file ??= new OpenFile())
    const changed = checkUnchanged(this.u, node)
    if (changed < 0) return changed
    if (file.mode === 'idle') {
      const error = this.chooseMode(node, file)
      if (error < 0) return error
    }
    if (!this.u.assumesCallers) {
      const error = this.hold(node, file, access)
      if (error < 0) return error
    }
    if (access !== O_RDONLY) node.writers++
    if (file.mode === 'passthrough' && access !== O_RDONLY) {
      node.writtenBelow = true
      if (access === O_RDWR) node.mappedBelow = true
    }
    file.opens++
    this.openCount++
    const fh = this.free.pop() ?? this.handles.length
    this.handles[fh] = node
    this.writing[fh] = access !== O_RDONLY
    return fh
  }

  /** A descriptor that a new file was made with, for the open that made it. */
  adopt(node: Node, fd: number, access: number): void {
    const file = (node.file ??= new OpenFile())
    if (access !== O_WRONLY) file.heldRead = fd
    if (access !== O_RDONLY) file.heldWrite = fd
  }

  /** How the last successful `openNode` of this node is to be answered. */
  answerFor(node: Node): OpenAnswer {
    const passes = node.file?.mode === 'passthrough'
    this.answer.flags = passes ? FOPEN.PASSTHROUGH : FOPEN.KEEP_CACHE
    this.answer.backingId = passes ? (node.file?.backingId ?? 0) : 0
    return this.answer
  }

  release(fh: number): void {
    const node = this.handles[fh]
    if (node === undefined || node === null || node.file === null) return
    this.handles[fh] = null
    this.free.push(fh)
    this.openCount--
    if (this.writing[fh] === true) node.writers--
    if (--node.file.opens > 0) return
    node.file.mode = 'idle'
    this.letGo(node.file)
    if (node.id === 0 || node.isNameless) this.forget(node)
    // A program's attributes were changed meanwhile, and its data has another place.
    else if (node.file.backingIsLower && node.hasUpper) this.dropBacking(node)
    else if (node.file.backingId > 0) this.keepBacking(node)
  }

  /**
   * Whether it is open in passthrough to its lower on a mount that may be written. Writing must wait
   * then: who reads would go on to see the old data. Linux refuses to write to running programs alike.
   */
  isBusyProgram(node: Node): boolean {
    const { file } = node
    return file?.mode === 'passthrough' && file.backingIsLower && this.u.isWritable
  }

  /** A descriptor for the node's data, through the bounded cache. -errno on failure. */
  dataFd(node: Node, writes: boolean): number {
    let file = (node.file ??= new OpenFile())
    const held = writes ? file.heldWrite : file.heldRead
    if (held >= 0) return held
    if (file.fd >= 0 && (file.writable || !writes)) {
      this.cache.touch(file)
      return file.fd
    }
    file = this.closeData(node, file)
    const wantsWrite = writes || node.isNameless
    const fd = this.openData(node, wantsWrite && node.hasUpper)
    if (fd < 0) return fd
    file.fd = fd
    file.writable = wantsWrite && node.hasUpper
    this.cache.admit(file)
    return fd
  }

  /** The data has moved to another file (a copy-up): what is open of the old one goes. */
  forgetData(node: Node): void {
    const { file } = node
    if (file === null) return
    file.archived = null
    this.letGo(file)
    this.closeData(node, file)
    if (file.mode === 'idle') this.dropBacking(node)
  }

  /** The node is gone, or nameless and closed: everything of it is given back. */
  forget(node: Node): void {
    if (node.file === null) return
    this.dropBacking(node)
    if (this.closeData(node, node.file).opens === 0) node.file = null
  }

  /** The mount has ended, and nobody says RELEASE any more. */
  end(): void {
    for (const node of this.handles) if (node?.file != null) this.letGo(node.file)
  }

  private hold(node: Node, file: OpenFile, access: number): number {
    const reads = access !== O_WRONLY && file.heldRead < 0
    const writes = access !== O_RDONLY && file.heldWrite < 0
    if (!reads && !writes) return 0
    if (archivedData(this.u, node) !== null) return 0
    const fd = openObject(locateData(this.u, node), access)
    if (fd < 0) return fd
    if (reads) file.heldRead = fd
    if (writes) file.heldWrite = fd
    return 0
  }

  private letGo(file: OpenFile): void {
    if (file.heldRead >= 0) close(file.heldRead)
    if (file.heldWrite >= 0 && file.heldWrite !== file.heldRead) close(file.heldWrite)
    file.heldRead = file.heldWrite = -1
  }

  private get cache(): FdCache {
    return this.u.fileFds
  }

  /** Lets go of the data descriptor; one that the pool still uses is closed by its last use. */
  private closeData(node: Node, old: OpenFile): OpenFile {
    if (old.busy === 0) {
      this.cache.drop(old)
      return old
    }
    const next = (node.file = new OpenFile())
    next.opens = old.opens
    next.mode = old.mode
    next.backingId = old.backingId
    next.backingIsLower = old.backingIsLower
    const fd = this.cache.take(old)
    old.complete = () => {
      if (--old.busy === 0) close(fd)
    }
    return next
  }

  private chooseMode(node: Node, file: OpenFile): number {
    const mayPass =
      this.passthrough &&
      archivedData(this.u, node) === null &&
      (node.hasUpper || !this.u.isEverWritable || this.isSharedProgram(node, file))
    if (!mayPass) {
      file.mode = 'cached'
      return 0
    }
    if (file.backingId === 0) {
      const error = this.openBacking(node, file)
      // Without a backing the page cache serves, unless data was already written past it.
      if (error < 0 && node.writtenBelow) return error
      if (error < 0) {
        if (error === -E.EPERM || error === -E.EOPNOTSUPP) this.passthrough = false
        file.mode = 'cached'
        return 0
      }
    }
    this.idleBackings.delete(node)
    file.mode = 'passthrough'
    return 0
  }

  private isSharedProgram(node: Node, file: OpenFile): boolean {
    if (!this.u.options.passesPrograms) return false
    file.isProgram ??= this.beginsAsElf(node)
    return file.isProgram
  }

  /** Programs and shared libraries are ELF (elf(5)). What cannot be read is none. */
  private beginsAsElf(node: Node): boolean {
    const fd = this.openData(node, false)
    if (fd < 0) return false
    const length = pread(fd, beginning, 0, beginning.length, 0)
    close(fd)
    return length === ELFMAG.length && ELFMAG.equals(beginning)
  }

  private openBacking(node: Node, file: OpenFile): number {
    const own = file.fd >= 0
    const fd = own ? file.fd : this.openData(node, false)
    if (fd < 0) return fd
    const id = backingOpen(this.device, fd)
    if (!own) close(fd)
    if (id < 0) return id
    file.backingId = id
    file.backingIsLower = !node.hasUpper
    this.backingCount++
    return 0
  }

  private keepBacking(node: Node): void {
    this.idleBackings.add(node)
    if (this.backingCount <= this.u.backingIds) return
    for (const oldest of this.idleBackings) {
      this.dropBacking(oldest)
      return
    }
  }

  private dropBacking(node: Node): void {
    this.idleBackings.delete(node)
    const id = node.file?.backingId ?? 0
    if (id <= 0 || node.file === null) return
    backingClose(this.device, id)
    node.file.backingId = 0
    this.backingCount--
  }

  private openData(node: Node, writes: boolean): number {
    return openObject(locateData(this.u, node), writes ? O_RDWR : O_RDONLY)
  }
}

// The second transport: libfuse 2 calls back with paths, through the npm package fuse-native. A path is
// resolved by LOOKUP from the root, the operation is called on its node, and the node is forgotten;
// the directories used last are held, so that a deep path is not resolved anew each time. What cannot
// be said this way is listed in docs/fuse-native.md.
import { E } from '../errno/errno.js'
import { FATTR } from '../fuse/abi/flags.js'
import { fuse_entry_out, fuse_out_header } from '../fuse/abi/structs.js'
import { AttributeChange } from '../fuse/operations.js'
import { O_RDWR } from '../sys/constants.js'
import {
  addListed,
  attributesOf,
  entryNode,
  type Listed,
  statfsOf,
  textOf,
} from './decode-reply.js'
import type { Done, PathCallbacks, PathStat, PathStatfs } from './package.js'
import { PathCalls } from './path-calls.js'
import { bytesOf } from './path-walk.js'

const BODY = fuse_out_header.size
const LISTING_BYTES = 65_536
/** chown(2)'s "leave it", as an unsigned number. */
const NO_ID = 0xffff_ffff
/** Milliseconds that a time may lie back and still be the present of who touches a file. */
const PRESENT = 2000

export class PathTransport extends PathCalls implements PathCallbacks {
  private readonly change = new AttributeChange()

  getattr(path: string, done: Done<PathStat>): void {
    const result = this.on('getattr', path, id =>
      this.fs.getattr(this.request, this.reply, id, 0),
    )
    done(result, result === 0 ? attributesOf(this.reply) : undefined)
  }

  /** libfuse takes the whole directory at once, and has it read in parts from memory. */
  readdir(
    path: string,
    done: (result: number, names?: string[], stats?: PathStat[]) => void,
  ): void {
    const listed: Listed = { names: [], stats: [], next: 0 }
    const result = this.on('readdir', path, id => this.list(id, listed))
    if (result === 0) done(0, listed.names, listed.stats)
    else done(result)
  }

  readlink(path: string, done: Done<string>): void {
    let target: string | undefined
    const result = this.on('readlink', path, id => {
      const error = this.fs.readlink(this.request, this.reply, id)
      if (error < 0) return error
      target = textOf(this.reply.bytes.subarray(BODY, this.reply.length))
      return target === undefined ? -E.EILSEQ : 0
    })
    done(result, target)
  }

  statfs(path: string, done: Done<PathStatfs>): void {
    const result = this.on('statfs', path, id =>
      this.fs.statfs(this.request, this.reply, id),
    )
    done(result, result === 0 ? statfsOf(this.reply) : undefined)
  }

  /** The umask has been applied by the kernel, here and wherever something is made. */
  mknod(path: string, mode: number, rdev: number, done: Done): void {
    const made = this.make('mknod', path, (parent, name) =>
      this.fs.mknod(this.request, this.reply, parent, name, mode, rdev, 0),
    )
    done(made)
  }

  mkdir(path: string, mode: number, done: Done): void {
    const made = this.make('mkdir', path, (parent, name) =>
      this.fs.mkdir(this.request, this.reply, parent, name, mode, 0),
    )
    done(made)
  }

  symlink(target: string, path: string, done: Done): void {
    const made = this.make('symlink', path, (parent, name) =>
      this.fs.symlink(this.request, this.reply, parent, name, bytesOf(target)),
    )
    done(made)
  }

  link(from: string, to: string, done: Done): void {
    const made = this.make('link', to, (parent, name) =>
      this.walk.on(from, id => {
        this.reply.begin()
        return this.fs.link(this.request, this.reply, id, parent, name)
      }),
    )
    done(made)
  }

  unlink(path: string, done: Done): void {
    const removed = this.at('unlink', path, (parent, name) =>
      this.walk.whileKnown(parent, name, () => {
        this.reply.begin()
        return this.fs.unlink(this.request, this.reply, parent, name)
      }),
    )
    done(removed)
  }

  rmdir(path: string, done: Done): void {
    const removed = this.at('rmdir', path, (parent, name) =>
      this.walk.whileKnown(parent, name, () => {
        this.reply.begin()
        return this.fs.rmdir(this.request, this.reply, parent, name)
      }),
    )
    if (removed === 0) this.walk.letGo(path)
    done(removed)
  }

  /** Without flags: for renameat2(2) with one, the kernel finds the protocol too old (EINVAL). */
  rename(from: string, to: string, done: Done): void {
    const { fs, request, reply, walk } = this
    const renamed = this.at('rename', from, (parent, name) => {
      const [newParent, newName] = walk.parentOf(to)
      if (newParent < 0) return newParent
      const move = (): number => {
        reply.begin()
        return fs.rename(request, reply, parent, name, newParent, newName, 0)
      }
      return walk.whileKnown(parent, name, () =>
        walk.whileKnown(newParent, newName, move),
      )
    })
    if (renamed === 0) {
      walk.letGo(from)
      walk.letGo(to)
    }
    done(renamed)
  }

  chmod(path: string, mode: number, done: Done): void {
    const change = this.begin(FATTR.MODE)
    change.mode = mode
    done(this.apply('chmod', path))
  }

  chown(path: string, uid: number, gid: number, done: Done): void {
    const change = this.begin(
      (uid === NO_ID ? 0 : FATTR.UID) | (gid === NO_ID ? 0 : FATTR.GID),
    )
    change.uid = uid
    change.gid = gid
    done(this.apply('chown', path))
  }

  truncate(path: string, size: number, done: Done): void {
    this.begin(FATTR.SIZE).size = size
    done(this.apply('truncate', path))
  }

  ftruncate(_path: string, handle: number, size: number, done: Done): void {
    const change = this.begin(FATTR.SIZE | FATTR.FH)
    change.size = size
    const result = this.onFile('ftruncate', handle, ({ nodeid, fh }) => {
      change.fh = fh
      return this.fs.setattr(this.request, this.reply, nodeid, change)
    })
    done(result)
  }

  /**
   * The package hands the time of access over twice (the dispatch of utimens in fuse-native.c), so the
   * time of modification is not known, unless somebody sets both to the present.
   */
  utimens(path: string, atime: number, _mtime: number, done: Done): void {
    if (Math.abs(Date.now() - atime) > PRESENT) {
      done(-E.EOPNOTSUPP)
      return
    }
    this.begin(FATTR.ATIME | FATTR.MTIME | FATTR.ATIME_NOW | FATTR.MTIME_NOW)
    done(this.apply('utimens', path))
  }

  /** The node stays known for as long as the file is open. */
  open(path: string, flags: number, done: Done<number>): void {
    let handle: number | undefined
    const result = this.at('open', path, (parent, name) => {
      const id = this.walk.lookup(parent, name)
      if (id < 0) return id
      this.reply.begin()
      const error = this.fs.open(this.request, this.reply, id, flags, 0)
      if (error === 0) handle = this.keep(id, BODY)
      else this.fs.forget(id, 1)
      return error
    })
    done(result, handle)
  }

  /** The package tells no flags: the file is opened for reading and writing. */
  create(path: string, mode: number, done: Done<number>): void {
    let handle: number | undefined
    const result = this.at('create', path, (parent, name) => {
      const error = this.fs.create(
        this.request,
        this.reply,
        parent,
        name,
        O_RDWR,
        mode,
        0,
      )
      if (error === 0)
        handle = this.keep(entryNode(this.reply), BODY + fuse_entry_out.size)
      return error
    })
    done(result, handle)
  }

  read(
    _path: string,
    handle: number,
    into: Buffer,
    size: number,
    position: number,
    done: Done,
  ): void {
    const result = this.onFile('read', handle, ({ nodeid, fh }) => {
      this.channel.data = into
      return this.fs.read(this.request, this.reply, nodeid, fh, position, size)
    })
    done(result < 0 ? result : this.channel.moved)
  }

  write(
    _path: string,
    handle: number,
    from: Buffer,
    size: number,
    position: number,
    done: Done,
  ): void {
    const result = this.onFile('write', handle, ({ nodeid, fh }) => {
      this.channel.data = from
      return this.fs.write(this.request, this.reply, nodeid, fh, position, size, 0, 0)
    })
    done(result < 0 ? result : this.channel.moved)
  }

  release(_path: string, handle: number, done: Done): void {
    const result = this.onFile('release', handle, ({ nodeid, fh }) => {
      this.drop(handle)
      const error = this.fs.release(this.request, this.reply, nodeid, fh)
      this.fs.forget(nodeid, 1)
      return error
    })
    done(result)
  }

  fsync(_path: string, dataOnly: number, handle: number, done: Done): void {
    const result = this.onFile('fsync', handle, ({ nodeid, fh }) =>
      this.fs.fsync(this.request, this.reply, nodeid, fh, dataOnly !== 0),
    )
    done(result)
  }

  fsyncdir(path: string, dataOnly: number, _handle: number, done: Done): void {
    const result = this.on('fsyncdir', path, id =>
      this.fs.fsyncdir(this.request, this.reply, id, dataOnly !== 0),
    )
    done(result)
  }

  setxattr(
    path: string,
    name: string,
    value: Buffer,
    _position: number,
    flags: number,
    done: Done,
  ): void {
    const { fs, request, reply } = this
    const result = this.on('setxattr', path, id =>
      fs.setxattr(request, reply, id, bytesOf(name), value, flags, false),
    )
    done(result)
  }

  getxattr(path: string, name: string, _position: number, done: Done<Buffer>): void {
    const result = this.on('getxattr', path, id =>
      this.fs.getxattr(this.request, this.reply, id, bytesOf(name), LISTING_BYTES),
    )
    done(result, result === 0 ? this.body() : undefined)
  }

  listxattr(path: string, done: Done<Buffer>): void {
    const result = this.on('listxattr', path, id =>
      this.fs.listxattr(this.request, this.reply, id, LISTING_BYTES),
    )
    done(result, result === 0 ? this.body() : undefined)
  }

  removexattr(path: string, name: string, done: Done): void {
    const result = this.on('removexattr', path, id =>
      this.fs.removexattr(this.request, this.reply, id, bytesOf(name)),
    )
    done(result)
  }

  private list(nodeid: number, listed: Listed): number {
    for (;;) {
      this.reply.begin()
      const { fs, request, reply } = this
      const error = fs.readdir(request, reply, nodeid, listed.next, LISTING_BYTES)
      if (error < 0) return error
      if (reply.length === BODY) return 0
      if (!addListed(reply, listed)) return -E.EILSEQ
    }
  }

  private begin(valid: number): AttributeChange {
    this.change.valid = valid
    return this.change
  }

  private apply(what: string, path: string): number {
    return this.on(what, path, id =>
      this.fs.setattr(this.request, this.reply, id, this.change),
    )
  }

  private body(): Buffer {
    return this.reply.bytes.subarray(BODY, this.reply.length)
  }
}

// What the tree should look like after what has succeeded so far. It guides the generators (so
// that most operations have something to work on) and names files across renames, so that their
// identity can be followed. It decides no result: those come from the two sides.
import { IDENTITIES, number, text, USERS, type Step, type User } from './operation.js'
import { S_IFMT, kindOfMode, type Kind } from './mode.js'
import { O } from './flags.js'

export interface Inode {
  readonly id: number
  kind: Kind
  mode: number
  uid: number
  gid: number
  size: number
  /** Of a symlink. */
  target: string
  /** Of a directory. */
  readonly children: Map<string, Inode>
  /** Of a directory that has a name. */
  parent: Inode | undefined
  links: number
  readonly xattrs: Set<string>
  locked: boolean
}

export interface OpenFile {
  readonly inode: Inode
  readonly flags: number
}

export interface Found {
  /** The directory the last name lies in, and that name; none for the root and for slots. */
  readonly parent: Inode | undefined
  readonly name: string
  readonly inode: Inode | undefined
}

export interface Mapping {
  readonly inode: Inode
  readonly length: number
}

export class Model {
  #nextId = 1
  root: Inode = this.create('directory', 0o755, 0, 0)
  readonly open = new Map<string, OpenFile>()
  readonly mappings = new Map<string, Mapping>()
  #paths: Map<string, Inode> | undefined

  create(kind: Kind, mode: number, uid: number, gid: number): Inode {
    return {
      id: this.#nextId++,
      kind,
      mode,
      uid,
      gid,
      size: 0,
      target: '',
      children: new Map(),
      parent: undefined,
      links: kind === 'directory' ? 2 : 1,
      xattrs: new Set(),
      locked: false,
    }
  }

  /** All names of the tree with what they lead to; '.' is the root. */
  paths(): ReadonlyMap<string, Inode> {
    if (this.#paths) return this.#paths
    const paths = new Map<string, Inode>([['.', this.root]])
    const walk = (directory: Inode, prefix: string): void => {
      for (const [name, inode] of directory.children) {
        paths.set(prefix + name, inode)
        if (inode.kind === 'directory') walk(inode, prefix + name + '/')
      }
    }
    walk(this.root, '')
    this.#paths = paths
    return paths
  }

  slot(user: User, slot: number): OpenFile | undefined {
    return this.open.get(`${user}:${slot}`)
  }

  /** Follows a path as the kernel does, from the root or from `from`. */
  find(
    user: User,
    path: string,
    follow: boolean,
    from = this.root,
    depth = 0,
  ): Found | undefined {
    const [start, rest] = this.#begin(user, path, from)
    // Absolute targets leave the mount.
    if (rest.startsWith('/') || depth > 8) return undefined
    const names = rest.split('/').filter(name => name !== '' && name !== '.')
    let found: Found = { parent: undefined, name: '', inode: start }
    for (const [i, name] of names.entries()) {
      const directory = found.inode
      if (directory?.kind !== 'directory') return undefined
      found = { parent: directory, name, inode: child(directory, name) }
      const last = i === names.length - 1
      if (found.inode?.kind === 'symlink' && (!last || follow)) {
        const through = [found.inode.target, ...names.slice(i + 1)].join('/')
        return this.find(user, through, follow, directory, depth + 1)
      }
    }
    return found
  }

  /** Where a path begins, and what is left of it: `@3/name` is below slot 3. */
  #begin(
    user: User,
    path: string,
    from: Inode,
  ): [start: Inode | undefined, rest: string] {
    const below = /^@(\d+)\/?/.exec(path)
    if (!below) return [from, path]
    return [this.slot(user, Number(below[1]))?.inode, path.slice(below[0].length)]
  }

  attach(parent: Inode, name: string, inode: Inode): void {
    const replaced = parent.children.get(name)
    if (replaced && replaced !== inode) replaced.links--
    parent.children.set(name, inode)
    if (inode.kind === 'directory') inode.parent = parent
    this.#paths = undefined
  }

  detach(parent: Inode, name: string): Inode | undefined {
    const inode = parent.children.get(name)
    parent.children.delete(name)
    this.#paths = undefined
    return inode
  }

  /** Takes over what a tree listing of the mount has shown. */
  load(entries: readonly LoadedEntry[]): void {
    this.root = this.create('directory', 0o755, 0, 0)
    this.#paths = undefined
    const byNumber = new Map<string, Inode>()
    for (const entry of [...entries].sort((a, b) => a.path.length - b.path.length)) {
      this.#loadEntry(entry, byNumber)
    }
  }

  #loadEntry(entry: LoadedEntry, byNumber: Map<string, Inode>): void {
    const names = entry.path.split('/').filter(name => name !== '.' && name !== '')
    const last = names.pop()
    let inode = last === undefined ? this.root : byNumber.get(entry.ino)
    inode ??= this.create(kindOfMode(entry.mode), 0, 0, 0)
    byNumber.set(entry.ino, inode)
    Object.assign(inode, {
      mode: entry.mode & 0o7777,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      target: entry.target,
      links: entry.nlink,
    })
    entry.xattrs.forEach(name => inode.xattrs.add(name))
    if (last === undefined) return
    let parent: Inode | undefined = this.root
    for (const name of names) parent = parent?.children.get(name)
    if (parent) this.attach(parent, last, inode)
  }

  /** Whether a user may use the bits (4 read, 2 write, 1 search) by owner and mode alone. */
  allows(user: User, inode: Inode, bits: number): boolean {
    const { uid, groups } = IDENTITIES[user]
    if (uid === 0) return true
    const shift = inode.uid === uid ? 6 : groups.includes(inode.gid) ? 3 : 0
    return ((inode.mode >> shift) & bits) === bits
  }

  /** Whether a user may reach the last name of a path. */
  reaches(user: User, path: string): boolean {
    if (user === 'u0') return true
    let directory: Inode | undefined = this.root
    for (const name of path.split('/').slice(0, -1)) {
      if (!directory || !this.allows(user, directory, 1)) return false
      if (name !== '.' && !name.startsWith('@')) directory = directory.children.get(name)
    }
    return !!directory && this.allows(user, directory, 1)
  }

  /** Enters the effect of an operation that has succeeded. */
  apply(step: Step): void {
    const [who, name] = step
    if (who === '*') {
      if (name === 'remount' || name === 'swap') {
        this.open.clear()
        this.mappings.clear()
      }
      return
    }
    EFFECTS[name]?.(this, who, step)
  }
}

function child(directory: Inode, name: string): Inode | undefined {
  return name === '..' ? (directory.parent ?? directory) : directory.children.get(name)
}

export interface LoadedEntry {
  readonly path: string
  readonly ino: string
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly target: string
  readonly xattrs: readonly string[]
}

type Effect = (model: Model, user: User, step: Step) => void

function made(model: Model, user: User, path: string, kind: Kind, mode: number): Inode {
  const { uid, gid } = IDENTITIES[user]
  const found = model.find(user, path, false)
  const setgid = ((found?.parent?.mode ?? 0) & 0o2000) !== 0
  const inode = model.create(kind, mode & 0o7777 & ~IDENTITIES[user].umask, uid, gid)
  if (setgid) inode.gid = found?.parent?.gid ?? gid
  if (setgid && kind === 'directory') inode.mode |= 0o2000
  if (found?.parent) model.attach(found.parent, found.name, inode)
  return inode
}

function opened(model: Model, user: User, step: Step): void {
  const [slot, path, flags, mode] = [
    number(step[2]),
    text(step[3]),
    number(step[4]),
    number(step[5]),
  ]
  const temporary = (flags & O.TMPFILE) === O.TMPFILE
  let inode = model.find(user, path, !(flags & O.NOFOLLOW))?.inode
  if (temporary) {
    inode = model.create('file', mode, IDENTITIES[user].uid, IDENTITIES[user].gid)
    inode.links = 0
  } else if (!inode && flags & O.CREAT) {
    const target = model.find(user, path, true)
    if (target?.parent && target.name !== '') {
      inode = model.create(
        'file',
        mode & ~IDENTITIES[user].umask,
        IDENTITIES[user].uid,
        IDENTITIES[user].gid,
      )
      model.attach(target.parent, target.name, inode)
    }
  }
  if (!inode) return
  if (flags & O.TRUNC) inode.size = 0
  model.open.set(`${user}:${slot}`, { inode, flags })
}

function renamed(model: Model, user: User, step: Step): void {
  const [from, to] = [
    model.find(user, text(step[2]), false),
    model.find(user, text(step[3]), false),
  ]
  if (!from?.parent || !to?.parent || !from.inode || from.inode === to.inode) return
  model.detach(from.parent, from.name)
  if (number(step[4]) & 2 && to.inode) {
    to.inode.links++
    model.attach(to.parent, to.name, from.inode)
    model.attach(from.parent, from.name, to.inode)
  } else {
    model.attach(to.parent, to.name, from.inode)
  }
}

function removed(model: Model, user: User, step: Step): void {
  const found = model.find(user, text(step[2]), false)
  if (!found?.parent) return
  const inode = model.detach(found.parent, found.name)
  if (!inode) return
  inode.links--
  if (inode.kind === 'directory') inode.parent = undefined
}

function grown(inode: Inode | undefined, size: number): void {
  if (inode && size > inode.size) inode.size = size
}

const EFFECTS: Readonly<Record<string, Effect>> = {
  open: opened,
  close: (model, user, step) => {
    model.open.delete(`${user}:${number(step[2])}`)
  },
  program: (model, user, step) => {
    const inode = model.find(user, text(step[2]), true)?.inode
    grown(inode ?? made(model, user, text(step[2]), 'file', number(step[3])), 132)
  },
  mkdir: (model, user, step) => {
    made(model, user, text(step[2]), 'directory', number(step[3]))
  },
  mknod: (model, user, step) => {
    const mode = number(step[3])
    const kind = mode & S_IFMT ? kindOfMode(mode) : 'file'
    made(model, user, text(step[2]), kind, mode)
  },
  symlink: (model, user, step) => {
    made(model, user, text(step[3]), 'symlink', 0o777).target = text(step[2])
  },
  link: (model, user, step) => {
    const from = model.find(user, text(step[2]), (number(step[4]) & 0x400) !== 0)?.inode
    const to = model.find(user, text(step[3]), false)
    if (!from || !to?.parent) return
    from.links++
    model.attach(to.parent, to.name, from)
  },
  linkslot: (model, user, step) => {
    const from = model.slot(user, number(step[2]))?.inode
    const to = model.find(user, text(step[3]), false)
    if (!from || !to?.parent) return
    from.links++
    model.attach(to.parent, to.name, from)
  },
  unlink: removed,
  rmdir: removed,
  rename: renamed,
  chmod: (model, user, step) => {
    const inode = model.find(user, text(step[2]), !number(step[4]))?.inode
    if (inode) inode.mode = number(step[3]) & 0o7777
  },
  fchmod: (model, user, step) => {
    const inode = model.slot(user, number(step[2]))?.inode
    if (inode) inode.mode = number(step[3]) & 0o7777
  },
  chown: (model, user, step) => {
    own(model.find(user, text(step[2]), !number(step[5]))?.inode, step)
  },
  fchown: (model, user, step) => {
    own(model.slot(user, number(step[2]))?.inode, step)
  },
  truncate: (model, user, step) => {
    const inode = model.find(user, text(step[2]), true)?.inode
    if (inode) inode.size = number(step[3])
  },
  ftruncate: (model, user, step) => {
    const inode = model.slot(user, number(step[2]))?.inode
    if (inode) inode.size = number(step[3])
  },
  pwrite: (model, user, step) => {
    grown(model.slot(user, number(step[2]))?.inode, number(step[3]) + number(step[4]))
  },
  write: (model, user, step) => {
    grown(model.slot(user, number(step[2]))?.inode, number(step[3]))
  },
  setxattr: (model, user, step) => {
    model.find(user, text(step[2]), !number(step[6]))?.inode?.xattrs.add(text(step[3]))
  },
  removexattr: (model, user, step) => {
    model.find(user, text(step[2]), !number(step[4]))?.inode?.xattrs.delete(text(step[3]))
  },
  fsetxattr: (model, user, step) => {
    model.slot(user, number(step[2]))?.inode.xattrs.add(text(step[3]))
  },
  fremovexattr: (model, user, step) => {
    model.slot(user, number(step[2]))?.inode.xattrs.delete(text(step[3]))
  },
  setflags: (model, user, step) => {
    const inode = model.slot(user, number(step[2]))?.inode
    if (inode) inode.locked = number(step[4]) !== 0
  },
  map: (model, user, step) => {
    const inode = model.slot(user, number(step[3]))?.inode
    if (inode)
      model.mappings.set(`${user}:${number(step[2])}`, { inode, length: number(step[5]) })
  },
  unmap: (model, user, step) => {
    model.mappings.delete(`${user}:${number(step[2])}`)
  },
}

function own(inode: Inode | undefined, step: Step): void {
  const [uid, gid] = [number(step[3]), number(step[4])]
  if (inode && uid >= 0) inode.uid = uid
  if (inode && gid >= 0) inode.gid = gid
}

export function isUser(who: string): who is User {
  return (USERS as readonly string[]).includes(who)
}

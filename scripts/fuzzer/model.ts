// What the tree should look like after what has succeeded so far. It guides the generators (so
// that most operations have something to work on) and names files across renames, so that their
// identity can be followed. It decides no result: those come from the two sides.
import { EFFECTS } from './effects.js'
import { kindOfMode, type Kind } from './mode.js'
import { IDENTITIES, USERS, type Step, type User } from './operation.js'

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
  /** A file of several names in the layers; a directory that has held a name of such a file. */
  linked: boolean
  /** From the layers. */
  readonly lower: boolean
  /** Its data may have been changed. */
  written: boolean
  /** A name of it has been removed. */
  lostName: boolean
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

  create(kind: Kind, mode: number, uid: number, gid: number, lower = false): Inode {
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
      linked: false,
      lower,
      written: false,
      lostName: false,
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
      // So does the way up from the root.
      if (name === '..' && directory === this.root) return undefined
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
    if (replaced && replaced !== inode) this.lose(replaced)
    parent.children.set(name, inode)
    if (inode.kind === 'directory') inode.parent = parent
    else if (inode.linked) parent.linked = true
    this.#paths = undefined
  }

  /** One of its names is gone. */
  lose(inode: Inode): void {
    inode.links--
    inode.lostName = true
  }

  detach(parent: Inode, name: string): Inode | undefined {
    const inode = parent.children.get(name)
    parent.children.delete(name)
    this.#paths = undefined
    return inode
  }

  /** Takes over what a tree listing of the mount has shown. */
  load(entries: readonly LoadedEntry[]): void {
    this.root = this.create('directory', 0o755, 0, 0, true)
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
    inode ??= this.create(kindOfMode(entry.mode), 0, 0, 0, true)
    byNumber.set(entry.ino, inode)
    Object.assign(inode, {
      mode: entry.mode & 0o7777,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      target: entry.target,
      links: entry.nlink,
    })
    inode.linked = inode.kind !== 'directory' && entry.nlink > 1
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

export function isUser(who: string): who is User {
  return (USERS as readonly string[]).includes(who)
}

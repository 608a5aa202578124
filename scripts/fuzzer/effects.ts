// What each operation that has succeeded does to the model.
import { O } from './flags.js'
import { S_IFMT, kindOfMode, type Kind } from './mode.js'
import type { Inode, Model } from './model.js'
import { IDENTITIES, number, text, type Step, type User } from './operation.js'

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
  if (!inode) {
    model.open.delete(`${user}:${slot}`)
    return
  }
  if (flags & O.TRUNC) inode.size = 0
  if ((flags & 3) !== O.RDONLY || flags & O.TRUNC) inode.written = true
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
  model.lose(inode)
  if (inode.kind === 'directory') inode.parent = undefined
}

function grown(inode: Inode | undefined, size: number): void {
  if (inode && size > inode.size) inode.size = size
}

export const EFFECTS: Readonly<Record<string, Effect>> = {
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
    if (inode) Object.assign(inode, { size: number(step[3]), written: true })
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

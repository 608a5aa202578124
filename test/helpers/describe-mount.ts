// A tree in full, one line an entry, sorted by path: type, mode, owner, times, links, size or
// device, target, attributes, contents, and which names are one inode. Two trees are equal when
// their lines are. Times of access are left out: reading changes them.
import { createHash } from 'node:crypto'
import * as C from '../../src/sys/constants.js'
import * as calls from './calls.js'

export function describeMount(base: string): string[] {
  const lines: string[] = []
  const first = new Map<string, string>()
  const walk = (path: string, shown: string): void => {
    const stat = calls.lstat(path)
    const type = stat.mode & C.S_IFMT
    const same = first.get(String(stat.ino)) ?? shown
    first.set(String(stat.ino), same)
    const words = [
      shown,
      stat.mode.toString(8),
      `${stat.uid}:${stat.gid}`,
      `links=${stat.nlink}`,
      `mtime=${stat.mtime}`,
    ]
    if (same !== shown) words.push(`is ${same}`)
    if (type === C.S_IFREG) words.push(`${stat.size} ${digest(path)}`)
    if (type === C.S_IFLNK) words.push(`-> ${calls.readlink(path)}`)
    if (type === C.S_IFCHR || type === C.S_IFBLK) words.push(stat.rdev)
    for (const name of calls.listxattr(path).toSorted())
      words.push(`${name}=${calls.getxattr(path, name).toString('hex')}`)
    lines.push(words.join(' '))
    if (type !== C.S_IFDIR) return
    for (const name of calls.names(path).toSorted())
      walk(`${path}/${name}`, `${shown}/${name}`)
  }
  walk(base, '.')
  return lines
}

function digest(path: string): string {
  const hash = createHash('sha256')
  calls.withOpen(path, C.O_RDONLY, fd => {
    for (let at = 0; ;) {
      const piece = calls.pread(fd, 1 << 20, at)
      if (piece.length === 0) return
      hash.update(piece)
      at += piece.length
    }
  })
  return hash.digest('hex')
}

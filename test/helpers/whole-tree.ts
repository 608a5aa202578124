// A whole root filesystem, entry by entry, with what describeTree leaves to others: the times of
// directories, which names are one file, what large files hold, and how much of them is holes.
import { createHash } from 'node:crypto'
import * as calls from './calls.js'
import { C } from './calls.js'
import { describeTree } from './tree.js'

/** One line an entry; two trees are the same when their lines are. */
export function describeWhole(base: string): string[] {
  const first = new Map<string, string>()
  return [...describeTree(base, { times: true }), ...more(base, '.', first)]
}

function more(path: string, shown: string, first: Map<string, string>): string[] {
  const stat = calls.lstat(path)
  const type = stat.mode & C.S_IFMT
  if (type === C.S_IFDIR)
    return [
      `${shown} mtime=${stat.mtime}`,
      ...calls
        .names(path)
        .flatMap(name => more(`${path}/${name}`, `${shown}/${name}`, first)),
    ]
  const key = String(stat.ino)
  const known = first.get(key)
  if (known !== undefined) return [`${shown} is ${known}`]
  first.set(key, shown)
  return type === C.S_IFREG && stat.size > 1 << 20 ? [`${shown} ${contents(path)}`] : []
}

function contents(path: string): string {
  return calls.withOpen(path, C.O_RDONLY, fd => {
    const hash = createHash('sha256')
    let at = 0
    for (;;) {
      const piece = calls.pread(fd, 1 << 22, at)
      if (piece.length === 0) return hash.digest('hex')
      hash.update(piece)
      at += piece.length
    }
  })
}

/** `PATH is PATH` for every name of a file that has had one before. */
export function namesOfOneFile(base: string): string[] {
  return more(base, '.', new Map()).filter(line => line.includes(' is ./'))
}

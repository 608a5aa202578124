// Files and folders in `incoming/` that live as long as one piece of work. They are made under the
// shared content lock alone, so that a sweep, which has it exclusively, knows them for leftovers.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { nodePath } from './store-place.js'

export interface Scratch {
  /** A latin1 string of bytes. */
  readonly path: string
  /** Removes what is still there of it. */
  remove(): void
}

/** An empty file. Throws Node's error. */
export function openScratch(incoming: string, what: string): Scratch {
  const path = freshPath(incoming, what)
  fs.closeSync(fs.openSync(nodePath(path), 'wx', 0o644))
  return { path, remove: () => fs.rmSync(nodePath(path), { force: true }) }
}

/**
 * An empty folder, mode 0755. It is for mounts: only an empty one is removed, and none that is still
 * mounted on. Throws Node's error.
 */
export function openScratchFolder(incoming: string, what: string): Scratch {
  const path = freshPath(incoming, what)
  fs.mkdirSync(nodePath(path), { mode: 0o755 })
  return {
    path,
    remove: () => {
      fs.rmdirSync(nodePath(path))
    },
  }
}

/** A path in `incoming/` that nobody else has. */
export function freshPath(incoming: string, what: string): string {
  return `${incoming}/${what}-${process.pid}-${randomBytes(6).toString('hex')}`
}

// What the tests of the addon share: a folder of their own, and calls that must succeed.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { Test } from 'tap'
import { errnoName } from '../../src/errno/errno.js'
import { O_DIRECTORY, O_RDONLY } from '../../src/sys/constants.js'
import { close, openat2 } from '../../src/sys/file.js'

export interface Place {
  readonly path: string
  /** An open descriptor of the folder. */
  readonly fd: number
  /** A path in the folder. */
  at(name: string): string
}

/** A new folder on the machine's disk; gone after the test. */
export function place(t: Test): Place {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-native-'))
  const fd = succeed(openat2(-100, folder, O_RDONLY | O_DIRECTORY, 0, 0))
  t.teardown(() => {
    close(fd)
    fs.rmSync(folder, { recursive: true, force: true })
  })
  return { path: folder, fd, at: name => path.join(folder, name) }
}

/** The result of a call that must not fail here. */
export function succeed(result: number): number {
  if (result < 0) throw new Error(errnoName(result))
  return result
}

/** "ENOENT" of -2, the number itself when it is no error: what a test compares. */
export function outcome(result: number): number | string {
  return result < 0 ? errnoName(result) : result
}

/** The descriptors of this process, by what they are open on. */
export function openDescriptors(): string[] {
  const found: string[] = []
  for (const name of fs.readdirSync('/proc/self/fd')) {
    try {
      found.push(`${name} ${fs.readlinkSync(`/proc/self/fd/${name}`)}`)
    } catch {
      // The descriptor of this listing.
    }
  }
  return found.sort()
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/**
 * The names of this process's threads that match. A thread that has been joined may still be
 * listed for a moment: with `count`, waits until there are so many.
 */
export async function threads(pattern: RegExp, count?: number): Promise<string[]> {
  const limit = Date.now() + 5000
  for (;;) {
    const found = threadNames().filter(name => pattern.test(name))
    if (count === undefined || found.length === count || Date.now() > limit) return found
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function threadNames(): string[] {
  return fs.readdirSync('/proc/self/task').flatMap(id => {
    try {
      return [fs.readFileSync(`/proc/self/task/${id}/comm`, 'latin1').trim()]
    } catch {
      return []
    }
  })
}

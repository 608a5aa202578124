// The plyfs command as a person calls it, in a test's namespace: runs it, looks at the mount table,
// lists what lies on disk.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { freshDirectory } from '../../helpers/images.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { run, type Ran, type RunOptions } from '../../helpers/run.js'
import { parseMountinfo, type MountEntry } from '../../../src/mount/mountinfo.js'

/** Runs the launcher; it ends when nothing holds its stdin, stdout and stderr any more. */
export function plyfs(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(plyfsProgram(), args, { limit: 30_000, ...options })
}

/** Directories of one test: two lowers with a file each, upper, work and mount point. */
export interface Folders {
  readonly base: string
  readonly lowers: readonly [string, string]
  readonly upper: string
  readonly work: string
  readonly point: string
}

export function makeFolders(parent: string): Folders {
  const base = freshDirectory(parent, 'case')
  const made = (name: string): string => {
    const directory = path.join(base, name)
    fs.mkdirSync(directory)
    return directory
  }
  const folders: Folders = {
    base,
    lowers: [made('l1'), made('l2')],
    upper: made('u'),
    work: made('w'),
    point: made('m'),
  }
  fs.mkdirSync(path.join(folders.lowers[0], 'd'))
  fs.writeFileSync(path.join(folders.lowers[0], 'd/one'), '1\n')
  fs.writeFileSync(path.join(folders.lowers[1], 'two'), '2\n')
  return folders
}

/** `-o` of a writable mount on them. */
export function writable({ lowers, upper, work }: Folders): string {
  return `lowerdir=${lowers.join(':')},upperdir=${upper},workdir=${work}`
}

/**
 * Mounts with `options` and expects a refusal: status 1, one line on stderr with cause and remedy,
 * nothing changed on disk or mounted.
 */
export async function refused(
  t: Test,
  folders: Folders,
  options: string,
  message: RegExp,
  how: RunOptions = {},
): Promise<void> {
  const before = listing(folders.base)
  const mounts = mountsOn(folders.point).length
  const { status, stdout, stderr } = await plyfs(
    ['mount', '-o', options, folders.point],
    how,
  )
  t.equal(status, 1, `status: ${options}`)
  t.equal(stdout, '')
  t.match(stderr, message)
  t.match(stderr, /^plyfs: [^\n]+; [^\n]+\n$/, 'one line, with cause and remedy')
  t.same(listing(folders.base), before, 'nothing changed on disk')
  t.equal(mountsOn(folders.point).length, mounts, 'nothing mounted')
}

/** What is mounted on a directory, topmost first; nothing mounted is touched. */
export function mountsOn(point: string): MountEntry[] {
  return parseMountinfo(fs.readFileSync('/proc/self/mountinfo', 'latin1'))
    .filter(entry => entry.mountPoint === point)
    .reverse()
}

/** Everything below a directory: names, kinds, modes, sizes. */
export function listing(directory: string): string[] {
  const names = fs.readdirSync(directory, { recursive: true, encoding: 'latin1' })
  return names.sort().map(name => {
    const found = fs.lstatSync(path.join(directory, name))
    return `${name} ${found.mode.toString(8)} ${found.isFile() ? found.size : '-'}`
  })
}

/** Resolves to whether the process is gone within the limit. */
export async function isGone(pid: number, limit = 10_000): Promise<boolean> {
  const deadline = Date.now() + limit
  while (Date.now() < deadline) {
    if (!fs.existsSync(`/proc/${pid}`) || isZombie(pid)) return true
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return false
}

function isZombie(pid: number): boolean {
  try {
    return /^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return true
  }
}

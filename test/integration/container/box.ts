// A store with a small image of busybox, and the plyfs command on it.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { scratch } from '../../helpers/isolated.js'
import { directory, file, symlink, type TarPiece } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran, type RunOptions } from '../../helpers/run.js'

let place: string | null = null

/** The store of this test file. */
export function storeRoot(): string {
  return path.join(place ?? scratch(), 'store')
}

/** From here on the store is another one, in this folder. */
export function placeStore(folder: string): void {
  place = folder
}

const APPLETS = [
  ...['sh', 'cat', 'ls', 'echo', 'true', 'false', 'sleep', 'id', 'env', 'touch', 'mkdir'],
  ...['rm', 'mv', 'mount', 'ps', 'kill', 'stty', 'tty', 'printf', 'head', 'wc', 'chmod'],
  ...['seq', 'dd', 'sync', 'test', 'cp', 'pwd', 'hostname', 'grep', 'ln', 'stat', 'yes'],
  ...['od', 'readlink', 'awk', 'rmdir', 'mkfifo', 'ip', 'umount', 'expr', 'sort'],
]

/** busybox under its names, and nothing else: no /etc, /proc or /dev. */
export const busybox: readonly TarPiece[] = [
  directory('bin/'),
  {
    path: 'bin/busybox',
    data: fs.readFileSync('/usr/bin/busybox'),
    mode: 0o755,
  },
  ...APPLETS.map(name => symlink(`bin/${name}`, 'busybox')),
]

export const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001:Alice:/home/alice:/bin/sh\n'
export const GROUP = 'root:x:0:\nalice:x:1001:\nstaff:x:50:alice\n'

/** Loads an image of busybox and these entries; `more` goes into its config. */
export async function loadBox(
  tag: string,
  entries: readonly TarPiece[] = [],
  config: Readonly<Record<string, unknown>> = { Cmd: ['sh'] },
): Promise<void> {
  const image = makeImage([busybox, ...(entries.length > 0 ? [entries] : [])], { config })
  const archive = path.join(scratch(), `${tag.replace(/\W/g, '-')}.tar`)
  fs.writeFileSync(archive, dockerArchive([{ image, tags: [tag] }]))
  await must(plyfsProgram(), ['load', '-q', '--root', storeRoot(), '-i', archive])
}

/** The usual one: box:1, with users. */
export function loadUsual(): Promise<void> {
  return loadBox('box:1', [
    directory('etc/'),
    file('etc/passwd', PASSWD),
    file('etc/group', GROUP),
    directory('tmp/', { mode: 0o1777 }),
    directory('data/', { mode: 0o750, uid: 1000, gid: 1001 }),
    file('data/from-image', 'of the image\n', { uid: 1000, gid: 1001 }),
  ])
}

/** A verb, whatever becomes of it. */
export function plyfs(verb: string, ...args: string[]): Promise<Ran> {
  return plyfsWith({}, verb, ...args)
}

export function plyfsWith(
  options: RunOptions,
  verb: string,
  ...args: string[]
): Promise<Ran> {
  const words = verb.split(' ')
  return run(plyfsProgram(), [...words, '--root', storeRoot(), ...args], {
    limit: 60_000,
    ...options,
  })
}

/** A verb that has to succeed: its output without the last newline. */
export async function ok(verb: string, ...args: string[]): Promise<string> {
  const ran = await plyfs(verb, ...args)
  if (ran.status === 0) return ran.stdout.replace(/\n$/, '')
  throw new Error(`${verb} ${args.join(' ')}: ${ran.status ?? '?'} ${ran.stderr}`)
}

/** A container's folder. */
export function folderOf(id: string): string {
  return path.join(storeRoot(), 'containers', id)
}

export function containerIds(): string[] {
  const folder = path.join(storeRoot(), 'containers')
  return fs.existsSync(folder)
    ? fs.readdirSync(folder).filter(name => name !== 'names.lock')
    : []
}

/** Processes of plyfs's that are there: monitors, servers, runtimes. */
export function processes(): string[] {
  return fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
        const command = words.join(' ')
        return /plyfs-monitor|container-(serve|hold)|\bruncs?\b|\bcrun\b|bootfs\/boot/.test(
          command,
        )
          ? [`${pid} ${command}`]
          : []
      } catch {
        return []
      }
    })
}

/** Every line of every mountinfo that names this text. */
export function mountsNaming(text: string): string[] {
  return fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => {
      try {
        return fs
          .readFileSync(`/proc/${pid}/mountinfo`, 'latin1')
          .split('\n')
          .filter(line => line.includes(text))
          .map(line => `${pid}: ${line}`)
      } catch {
        return []
      }
    })
}

/** Until a condition holds that other processes bring about. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  limit = 20_000,
): Promise<boolean> {
  const deadline = Date.now() + limit
  while (Date.now() < deadline) {
    if (await holds()) return true
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return holds()
}

/** Kills the first process that shows up with these words in its command line. */
export async function killWhenThere(words: RegExp): Promise<boolean> {
  return until(() => {
    const found = processes().find(line => words.test(line))
    if (found === undefined) return false
    try {
      process.kill(Number(found.split(' ')[0]), 'SIGKILL')
      return true
    } catch {
      return false
    }
  })
}

/** What a container's start consists of, and what their command lines are known by. */
export const STARTING = [
  ['the boot program', /^\d+ bootfs\/boot/],
  ['the runtime', /^\d+ \S*runc .*\brun --detach/],
  ['the monitor', /^\d+ \S*plyfs-monitor/],
  ['the serving process', /container-serve/],
] as const

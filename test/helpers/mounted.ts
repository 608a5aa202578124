// Starts a union mount on given layers (kernel overlayfs, fuse-overlayfs, plyfs) and ends it
// again, inside the test's namespace. It never touches what is mounted from this process: every
// look at it is a child with a time limit, and ending it works on a hung server too.
import { spawn, type ChildProcess } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { waitForMount } from './agent.js'
import { descendants, fuseConnections } from './hang.js'
import { freshDirectory } from './images.js'
import { scratch } from './isolated.js'
import { must, run, type Ran } from './run.js'

export interface Layers {
  /** Topmost first. */
  readonly lower: readonly string[]
  readonly upper?: string
  readonly work?: string
}

export interface MountOptions {
  /** More `-o` options. */
  readonly options?: readonly string[]
  /** Where; a fresh directory unless told. */
  readonly point?: string
  /** Start the server as this user. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** argv[0] of the program; plyfs called by another name takes no verb. */
  readonly argv0?: string
  /** A program and its arguments that starts the server: `prlimit --nofile=99`. */
  readonly through?: readonly string[]
  /** Everything happens in this namespace, as its root. */
  readonly inside?: { readonly enter: readonly string[]; readonly pid: number }
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds until it has to serve. */
  readonly limit?: number
}

export interface Mounted {
  readonly kind: 'overlay' | 'fuse-overlayfs' | 'plyfs'
  readonly point: string
  /** What the server has said on stderr. */
  log(): string
  /** The server's processes; none for kernel overlayfs. */
  pids(): number[]
  /** Makes whatever hangs on the mount fail. */
  abort(): void
  /**
   * umount(8), and the server's end; then by force. Resolves to what did not go as it should,
   * which is the empty list for a good server.
   */
  end(): Promise<string[]>
}

const LAUNCHER = '../../native-helpers/build/Release/plyfs'

/** The launcher of this working tree. */
export function plyfsProgram(): string {
  return fileURLToPath(new URL(LAUNCHER, import.meta.url))
}

/**
 * Lets ordinary users open /dev/fuse, as udev does on most systems and not on all: with a device
 * node of this namespace's own.
 */
export async function openFuseToUsers(): Promise<void> {
  if ((fs.statSync('/dev/fuse').mode & 0o006) === 0o006) return
  const node = path.join(scratch(), 'fuse')
  await must('mknod', ['-m', '666', node, 'c', '10', '229'])
  await must('mount', ['--bind', node, '/dev/fuse'])
}

/** The layers as `-o` options; colons and commas in paths are not escaped here. */
export function layerOptions(layers: Layers): string[] {
  const options = [`lowerdir=${layers.lower.join(':')}`]
  if (layers.upper !== undefined) options.push(`upperdir=${layers.upper}`)
  if (layers.work !== undefined) options.push(`workdir=${layers.work}`)
  return options
}

/** `plyfs mount -f`, its messages kept. */
export function mountPlyfs(layers: Layers, how: MountOptions = {}): Promise<Mounted> {
  const options = [...layerOptions(layers), ...(how.options ?? [])].join(',')
  const point = how.point ?? freshDirectory(scratch(), 'mnt')
  const verb = how.argv0 === undefined ? ['mount'] : []
  const args = [...verb, '-f', '-o', options, point]
  return serve('plyfs', plyfsProgram(), args, point, how)
}

/** Debian's fuse-overlayfs. */
export function mountFuseOverlayfs(
  layers: Layers,
  how: MountOptions = {},
): Promise<Mounted> {
  const options = [...layerOptions(layers), ...(how.options ?? [])].join(',')
  const point = how.point ?? freshDirectory(scratch(), 'mnt')
  const args = ['-f', '-o', options, point]
  return serve('fuse-overlayfs', 'fuse-overlayfs', args, point, how)
}

/** The kernel's own; options as issue and fuzzer compare it, unless told. */
export async function mountOverlay(
  layers: Layers,
  how: MountOptions = {},
): Promise<Mounted> {
  const {
    options = ['redirect_dir=on', 'index=on', 'xino=on', 'metacopy=off'],
    point = freshDirectory(scratch(), 'mnt'),
  } = how
  const all = [...layerOptions(layers), ...options].join(',')
  const ran = await run('mount', ['-t', 'overlay', '-o', all, 'overlay', point])
  if (ran.status !== 0) throw new Error(`mount -t overlay -o ${all}: ${ran.stderr}`)
  return {
    kind: 'overlay',
    point,
    log: () => '',
    pids: () => [],
    abort: () => undefined,
    end: () => unmount(point),
  }
}

async function serve(
  kind: 'fuse-overlayfs' | 'plyfs',
  program: string,
  args: readonly string[],
  point: string,
  how: MountOptions,
): Promise<Mounted> {
  const { limit = 30_000, user, argv0, env = {}, through = [], inside } = how
  if (user !== undefined) {
    await openFuseToUsers()
    fs.chownSync(point, user.uid, user.gid)
  }
  const logFile = path.join(scratch(), `${path.basename(point)}.log`)
  const log = fs.openSync(logFile, 'w')
  const [command = program, ...rest] = [
    ...(inside?.enter ?? []),
    ...through,
    program,
    ...args,
  ]
  const child = spawn(command, rest, {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
    ...(user ?? {}),
    ...(argv0 === undefined ? {} : { argv0 }),
  })
  fs.closeSync(log)
  const server = new Server(kind, child, point, logFile, inside)
  const giveUp = new AbortController()
  const died = server.ended.then(() => 'died' as const)
  const mounted = waitForMount(point, limit, giveUp.signal, inside?.enter)
  const first = await Promise.race([died, mounted])
  giveUp.abort()
  if (first === true) return server
  const reason = first === 'died' ? server.how() : `has not mounted within ${limit} ms`
  await server.end()
  throw new Error(`${program} ${args.join(' ')}: ${reason}\n${server.log()}`)
}

class Server implements Mounted {
  readonly kind: 'fuse-overlayfs' | 'plyfs'
  readonly point: string
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #log: string
  readonly #inside: MountOptions['inside']
  #how = 'runs'

  constructor(
    kind: 'fuse-overlayfs' | 'plyfs',
    child: ChildProcess,
    point: string,
    log: string,
    inside: MountOptions['inside'],
  ) {
    this.kind = kind
    this.point = point
    this.#child = child
    this.#log = log
    this.#inside = inside
    // A test that failed may leave it: it dies with the test's namespace.
    child.unref()
    this.ended = new Promise(resolve => {
      child.on('error', error => {
        this.#how = error.message
        resolve()
      })
      child.on('exit', (code, signal) => {
        this.#how = signal === null ? `exited with ${code ?? '?'}` : `died of ${signal}`
        resolve()
      })
    })
  }

  how(): string {
    return this.#how
  }

  log(): string {
    return fs.readFileSync(this.#log, 'utf8')
  }

  pids(): number[] {
    if (this.#how !== 'runs' || this.#child.pid === undefined) return []
    return [this.#child.pid, ...descendants(this.#child.pid)]
  }

  abort(): void {
    for (const connection of fuseConnections(process.pid)) {
      if (connection.mountPoint === this.point) connection.abort()
    }
  }

  async end(): Promise<string[]> {
    const troubles = isMounted(this.point, this.#inside?.pid)
      ? await unmount(this.point, this.#inside?.enter)
      : []
    if (troubles.length > 0) this.abort()
    if (await within(this.ended, 30_000)) {
      if (this.#how !== 'exited with 0') troubles.push(`the server ${this.#how}`)
      return troubles
    }
    troubles.push('the server did not end after umount')
    for (const pid of this.pids().reverse()) process.kill(pid, 'SIGKILL')
    if (!(await within(this.ended, 5000))) troubles.push('nor after SIGKILL')
    return troubles
  }
}

/** umount, then lazily. What went wrong, in order. */
export async function unmount(
  point: string,
  enter: readonly string[] = [],
): Promise<string[]> {
  const plain = await entered(enter, ['umount', point], 40_000)
  if (plain.status === 0) return []
  const reason = plain.timedOut ? 'umount hangs' : plain.stderr.trim()
  const lazy = await entered(enter, ['umount', '-l', point], 10_000)
  return [reason, ...(lazy.status === 0 ? [] : [`umount -l: ${lazy.stderr.trim()}`])]
}

function entered(
  enter: readonly string[],
  command: readonly string[],
  limit: number,
): Promise<Ran> {
  const [program = '', ...args] = [...enter, ...command]
  return run(program, args, { limit })
}

/** By the mount table of a process alone, this one's unless told: nothing mounted is touched. */
export function isMounted(point: string, pid: number | 'self' = 'self'): boolean {
  const table = fs.readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
  return table.split('\n').some(line => line.split(' ')[4] === point)
}

/** Whether `event` comes within `limit` milliseconds. */
export function within(event: Promise<unknown>, limit: number): Promise<boolean> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(false), limit)
    event.then(
      () => {
        clearTimeout(timer)
        resolve(true)
      },
      () => {
        clearTimeout(timer)
        resolve(true)
      },
    )
  })
}

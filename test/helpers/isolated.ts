// Gives a test file mount, process and IPC namespaces of its own by running it once more inside them:
// whatever it mounts or starts is gone when its first process dies, however it was hung. The outer
// process touches nothing but its own scratch directory, so it cannot hang itself.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeHang, fuseConnections } from './hang.js'

const MARK = 'TEST_SCRATCH'

export interface IsolationLimits {
  /** Milliseconds without a line of output after which the inner run counts as hung. */
  readonly silence?: number
  /** Milliseconds for the whole file. */
  readonly total?: number
}

/**
 * The first statement of a test file: `const t = await isolated(import.meta.url)`. In the outer
 * process it never returns; in the inner one it gives tap.
 */
export async function isolated(
  url: string,
  limits: IsolationLimits = {},
): Promise<typeof import('tap')> {
  if (process.env[MARK] === undefined) await runInside(fileURLToPath(url), limits)
  return import('tap')
}

/** A directory of this test file's own on the machine's disk; removed by the outer process. */
export function scratch(): string {
  const directory = process.env[MARK]
  if (directory === undefined) throw new Error('not in an isolated test')
  return directory
}

/** Why real mounts cannot be made here, or undefined. */
function missing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  if (!fs.existsSync('/dev/fuse')) return 'needs /dev/fuse'
  return undefined
}

async function runInside(file: string, limits: IsolationLimits): Promise<never> {
  const reason = missing()
  if (reason !== undefined) {
    process.stdout.write(`TAP version 14\n1..0 # SKIP ${reason}\n`)
    process.exit(0)
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-test-'))
  fs.chmodSync(directory, 0o755)
  const status = await watch(file, directory, limits)
  fs.rmSync(directory, { recursive: true, force: true })
  process.exit(status)
}

/** Runs the file inside, copies its output, and ends it when it is silent for too long. */
function watch(
  file: string,
  directory: string,
  limits: IsolationLimits,
): Promise<number> {
  const { silence = 90_000, total = 900_000 } = limits
  // The shell is the first process: it reaps orphans, which Node does not. The control files
  // of FUSE are how a hung mount is ended, from inside and through /proc/PID/root.
  const first = 'mount -t fusectl fusectl /sys/fs/fuse/connections; "$@"; exit $?'
  const child = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      '--mount',
      '--pid',
      '--ipc',
      '--fork',
      '--kill-child',
    ]
      .concat(['--propagation', 'private', '--mount-proc'])
      .concat(['sh', '-c', first, 'sh'])
      .concat([process.execPath, ...process.execArgv, file, ...process.argv.slice(2)]),
    {
      env: { ...process.env, [MARK]: directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  return new Promise(resolve => {
    let last = Date.now()
    const started = last
    let hung = false
    const timer = setInterval(() => {
      const now = Date.now()
      const why =
        now - last > silence
          ? `nothing was said for ${silence / 1000} s`
          : now - started > total
            ? `it did not end within ${total / 1000} s`
            : undefined
      if (why === undefined) return
      if (hung) {
        kill()
        return
      }
      // First let the calls that hang fail, so that the test itself can say where it was.
      hung = true
      last = now - silence + 10_000
      process.stdout.write(`# hung: ${why}\n${describeHang(child.pid ?? 0)}`)
      for (const connection of fuseConnections(child.pid ?? 0)) connection.abort()
    }, 1000)
    child.stdout.on('data', (part: Buffer) => {
      if (!hung) last = Date.now()
      process.stdout.write(part)
    })
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(signal, kill)
    child.on('close', (code, signal) => {
      clearInterval(timer)
      if (signal !== null) process.stdout.write(`not ok - ended by ${signal}\n`)
      resolve(hung ? 1 : (code ?? 1))
    })
    child.on('error', error => {
      clearInterval(timer)
      process.stdout.write(`Bail out! cannot run inside namespaces: ${error.message}\n`)
      resolve(1)
    })
  })
}

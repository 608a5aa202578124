// Runs a program with a time limit and keeps what it says. Never waits for ever: a child that
// does not die of SIGKILL (it sits in a hung mount) is left behind after a short grace.
import { spawn } from 'node:child_process'

export interface RunOptions {
  /** Milliseconds; 20 seconds unless told. */
  readonly limit?: number
  readonly cwd?: string
  /** What its output is; UTF-8 unless told. */
  readonly encoding?: BufferEncoding
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
  /** argv[0], when it is not the program's path. */
  readonly argv0?: string
  /** Kills it early; it then counts as timed out. */
  readonly signal?: AbortSignal
}

export interface Ran {
  /** The exit status; 128 + the signal's number is not used: see `signal`. */
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

const GRACE = 2000

/** Resolves however the program ended; rejects only when it could not be started. */
export function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const { limit = 20_000, input, cwd, env, uid, gid, argv0 } = options
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(argv0 === undefined ? {} : { argv0 }),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    let timedOut = false
    let grace: NodeJS.Timeout | undefined
    const finish = (status: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(timer)
      clearTimeout(grace)
      const stdout = Buffer.concat(out).toString(options.encoding)
      const stderr = Buffer.concat(err).toString()
      resolve({ status, signal, stdout, stderr, timedOut })
    }
    const stop = (): void => {
      timedOut = true
      child.kill('SIGKILL')
      grace = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
        child.unref()
        finish(null, 'SIGKILL')
      }, GRACE)
    }
    const timer = setTimeout(stop, limit)
    options.signal?.addEventListener('abort', stop, { once: true })
    child.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', finish)
    child.stdout.on('data', (part: Buffer) => out.push(part))
    child.stderr.on('data', (part: Buffer) => err.push(part))
    // A program that does not read its input closes it; that is no error of the test's.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input ?? '')
  })
}

/** As `run`, for a program that has to succeed: its stdout, or an error that says why not. */
export async function must(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const ran = await run(program, args, options)
  if (ran.status === 0) return ran.stdout
  const end = ran.timedOut ? 'timed out' : `ended with ${ran.status ?? ran.signal ?? '?'}`
  throw new Error(`${program} ${args.join(' ')} ${end}: ${ran.stderr}${ran.stdout}`)
}

// A second process of the tests, driven call by call (test/fixtures/agent.c, compiled on first
// use): locks, mappings, current directories, other users, and whatever may hang. It is always
// killed in the end; a command has a time limit.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { E, errnoName } from '../../src/errno/errno.js'
import { CallError, bytes } from './calls.js'
import { must, run } from './run.js'
import { record } from './trace.js'
import type { User } from './users.js'

const SOURCE = new URL('../fixtures/agent.c', import.meta.url)
const LIMIT = 10_000

let compiled: Promise<string> | undefined

/** The path of the agent's program: static, so it runs anywhere, also copied to a mount. */
export function agentProgram(): Promise<string> {
  compiled ??= compile()
  return compiled
}

async function compile(): Promise<string> {
  const source = fs.readFileSync(SOURCE)
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 16)
  const folder = path.join(os.tmpdir(), `plyfs-test-agent-${process.getuid?.() ?? 0}`)
  const program = path.join(folder, digest)
  if (fs.existsSync(program)) return program
  fs.mkdirSync(folder, { recursive: true, mode: 0o755 })
  const mine = `${program}.${process.pid}`
  const args = ['-O1', '-Wall', '-Wextra', '-static', '-o', mine, SOURCE.pathname]
  await must('cc', args, { limit: 60_000 })
  fs.chmodSync(mine, 0o755)
  fs.renameSync(mine, program)
  return program
}

/** What a command answers. */
export interface Answer {
  readonly value: number
  /** The words after the value, decoded to one character a byte. */
  readonly rest: readonly string[]
}

export class Agent {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting: ((line: string | undefined) => void)[] = []
  readonly #label: string
  #text = ''

  private constructor(child: ChildProcessWithoutNullStreams, label: string) {
    this.#child = child
    this.#label = label
    child.stdout.setEncoding('latin1')
    child.stdout.on('data', (part: string) => this.#take(part))
    child.stdin.on('error', () => undefined)
    child.on('close', () => {
      for (const answer of this.#waiting.splice(0)) answer(undefined)
    })
  }

  /** Starts one; as `user` it has no capabilities. */
  static async start(user?: User): Promise<Agent> {
    const program = await agentProgram()
    const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'pipe'] })
    const agent = new Agent(child, user === undefined ? 'agent' : user.name)
    if (user !== undefined && user.uid !== process.getuid?.()) {
      await agent.call('creds', user.uid, user.gid, user.groups.join(','))
    }
    return agent
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** One call: its value, or a CallError. */
  call(command: string, ...args: (string | number)[]): Promise<number> {
    const value = this.ask(command, ...args).then(answer => answer.value)
    value.catch(() => undefined)
    return value
  }

  /** One call with all it answers; a failure is a CallError. */
  ask(command: string, ...args: (string | number)[]): Promise<Answer> {
    const good = this.attempt(LIMIT, command, ...args).then(answer => {
      if (answer.value < 0) throw new CallError(command, args, answer.value)
      return answer
    })
    good.catch(() => undefined)
    return good
  }

  /** One call whose failure is an answer like another: value is -errno. */
  attempt(limit: number, command: string, ...args: (string | number)[]): Promise<Answer> {
    const answered = this.#ask(limit, command, args)
    // A case that has failed elsewhere may leave this one unawaited.
    answered.catch(() => undefined)
    return answered
  }

  #ask(limit: number, command: string, args: (string | number)[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        record(`${this.#label}: ${command}`, args, -E.ETIMEDOUT)
        reject(new Error(`${this.#label}: ${command} has not answered for ${limit} ms`))
      }, limit)
      this.#waiting.push(line => {
        clearTimeout(timer)
        const answer = line === undefined ? { value: -E.EPIPE, rest: [] } : parse(line)
        record(`${this.#label}: ${command}`, args, answer.value)
        if (line === undefined) reject(new Error(`${this.#label} died in ${command}`))
        else resolve(answer)
      })
      this.#child.stdin.write(`${[command, ...args].map(encode).join(' ')}\n`)
    })
  }

  /** Whether a command is still without an answer. */
  get busy(): boolean {
    return this.#waiting.length > 0
  }

  /** Ends it, whatever it is doing. */
  kill(): void {
    this.#child.kill('SIGKILL')
    this.#child.stdin.destroy()
    this.#child.stdout.destroy()
    this.#child.stderr.destroy()
    this.#child.unref()
  }

  /** Ends it and waits until nothing is open or mapped by it any more. */
  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    const gone = exitCode ?? signalCode ?? once(this.#child, 'exit')
    this.kill()
    this.#child.ref()
    await gone
  }

  #take(part: string): void {
    this.#text += part
    for (;;) {
      const end = this.#text.indexOf('\n')
      if (end < 0) return
      const line = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 1)
      this.#waiting.shift()?.(line)
    }
  }
}

function parse(line: string): Answer {
  const [value, ...rest] = line.split(' ')
  return { value: Number(value), rest: rest.map(decode) }
}

function encode(word: string | number): string {
  if (typeof word === 'number') return String(word)
  return Array.from(bytes(word), byte => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9._/-]/.test(character)
      ? character
      : `%${byte.toString(16).padStart(2, '0')}`
  }).join('')
}

function decode(word: string): string {
  return word.replace(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 16)),
  )
}

/** The value of `key=value` among an answer's words. */
export function field(answer: Answer, key: string): string {
  const word = answer.rest.find(candidate => candidate.startsWith(`${key}=`))
  if (word === undefined) throw new Error(`no ${key} in ${answer.rest.join(' ')}`)
  return word.slice(key.length + 1)
}

/** Waits until something is mounted on `directory` here, or `signal` gives up. */
export async function waitForMount(
  directory: string,
  limit: number,
  signal: AbortSignal,
  enter: readonly string[] = [],
): Promise<boolean> {
  const words = [...enter, await agentProgram(), 'wait-mount', directory, String(limit)]
  const [program = '', ...args] = words
  const ran = await run(program, args, { limit: limit + 2000, signal })
  return ran.status === 0
}

/** -errno as text, for messages. */
export function outcome(value: number): string {
  return value < 0 ? errnoName(value) : String(value)
}

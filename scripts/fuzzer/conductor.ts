// The processes that perform the operations, spoken to synchronously: one line out, the answers
// back. Time limits lie in the conductor (executor/conductor.c), which reports `hang` or `dead`.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Identity } from './operation.js'
import { projectRoot } from './project.js'

export class Conductor {
  readonly #child: ChildProcess
  readonly #to: number
  readonly #from: number
  #rest = ''
  readonly #chunk = Buffer.alloc(1 << 16)

  /** Starts the conductor; `scratch` is a directory for its two pipes. */
  constructor(scratch: string) {
    const pipes = [join(scratch, 'to'), join(scratch, 'from')] as const
    execFileSync('mkfifo', [...pipes])
    // Opened for both directions first, since neither end may wait for the other.
    const ends = pipes.map(pipe => openSync(pipe, 'r+'))
    this.#child = spawn(executable(), [], { stdio: [ends[0], ends[1], 'inherit'] })
    this.#to = openSync(pipes[0], 'w')
    this.#from = openSync(pipes[1], 'r')
    ends.forEach(end => closeSync(end))
    pipes.forEach(pipe => unlinkSync(pipe))
    this.#child.unref()
  }

  /** Ends all workers. */
  close(): void {
    closeSync(this.#to)
    closeSync(this.#from)
    this.#child.kill('SIGKILL')
  }

  start(name: string, identity: Identity): void {
    const { uid, gid, groups, umask } = identity
    const line = `+ ${name} ${uid} ${gid} ${groups.join(',')} 0${umask.toString(8)}`
    const [answer] = this.#exchange(line, 1)
    if (answer !== '0') throw new Error(`worker ${name}: ${answer}`)
  }

  end(name: string): void {
    this.#exchange(`- ${name}`, 1)
  }

  timeout(milliseconds: number): void {
    this.#exchange(`timeout ${milliseconds}`, 1)
  }

  /** The same operation by all the named workers at once; their answers in that order. */
  ask(names: readonly string[], operation: string): string[] {
    return this.#exchange(`${names.join(',')} ${operation}`, names.length)
  }

  #exchange(line: string, answers: number): string[] {
    const bytes = Buffer.from(line + '\n', 'latin1')
    for (let at = 0; at < bytes.length;) at += writeSync(this.#to, bytes, at)
    const lines: string[] = []
    let at = 0
    while (lines.length < answers) {
      const end = this.#rest.indexOf('\n', at)
      if (end >= 0) {
        lines.push(this.#rest.slice(at, end))
        at = end + 1
        continue
      }
      const length = readSync(this.#from, this.#chunk)
      if (length === 0) throw new Error('the conductor has ended')
      this.#rest = this.#rest.slice(at) + this.#chunk.toString('latin1', 0, length)
      at = 0
    }
    this.#rest = this.#rest.slice(at)
    return lines
  }
}

/** The executor, compiled when its sources are newer. */
function executable(): string {
  const root = projectRoot()
  const sources = join(root, 'scripts/fuzzer/executor')
  const built = join(root, '.build/fuzz-executor')
  const files = readdirSync(sources).map(name => join(sources, name))
  const newest = Math.max(...files.map(file => statSync(file).mtimeMs))
  if (existsSync(built) && statSync(built).mtimeMs > newest) return built
  mkdirSync(join(root, '.build'), { recursive: true })
  // The process namespace is this run's own, and so may the number be another run's.
  const fresh = `${built}.${randomUUID()}`
  const units = files.filter(file => file.endsWith('.c'))
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', fresh, ...units], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  renameSync(fresh, built)
  return built
}

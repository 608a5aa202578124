// A further process in a container that runs, started by the OCI runtime, which stays until it
// ends and hands through input, output and terminal.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { FsError } from '../errno/fs-error.js'
import { nodePath } from '../image/store/store-place.js'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { capabilitiesOf } from './capabilities.js'
import { ContainerError } from './container-error.js'
import type { Container } from './containers.js'
import { notRunning } from './control.js'
import { heldCapabilities } from './prepare-bundle.js'
import { processOf, rights } from './runtime-config.js'
import { runtimeCommand, runtimeErrorIn } from './runtime.js'
import { pidOf, spawnWord, spawnWords } from './children.js'
import { stateOf } from './state.js'
import { identityOf } from './users.js'

export interface ExecOptions {
  readonly command: readonly string[]
  readonly env: readonly string[]
  readonly user?: string
  readonly directory?: string
  readonly input: boolean
  readonly terminal: boolean
  /** Not waited for. */
  readonly detach: boolean
}

/** The command's status, or docker's 126 and 127. Throws a ContainerError. */
export async function execIn(
  container: Container,
  options: ExecOptions,
): Promise<number> {
  const state = stateOf(container)
  if (state.kind === 'paused')
    throw new ContainerError(
      `Container ${container.record.name} is paused: unpause it first`,
    )
  if (state.kind !== 'running') throw notRunning(container)
  const name = `exec-${randomBytes(6).toString('hex')}`
  const file = container.file(`${name}.json`)
  const log = container.file(`${name}.log`)
  try {
    const document = processDocument(container, state.pid, options)
    fs.writeFileSync(nodePath(file), Buffer.from(JSON.stringify(document), 'latin1'))
    const child = startRuntime(container, file, log, options)
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    const message = runtimeErrorIn(log)
    // The runtime has told it on the standard error that it was given.
    if (message !== null && code !== 0 && !options.detach) return statusOf(message)
    if (message !== null && code !== 0)
      throw new ContainerError(message, statusOf(message))
    if (signal !== null) throw new ContainerError(`the runtime was ended by ${signal}`)
    return code ?? 0
  } finally {
    for (const path of [file, log]) fs.rmSync(nodePath(path), { force: true })
  }
}

function startRuntime(
  container: Container,
  file: string,
  log: string,
  { input, detach }: ExecOptions,
): ChildProcess {
  const [program = '', ...options] = spawnWords(runtimeCommand(container, log))
  const words = [
    'exec',
    '--process',
    spawnWord(file),
    ...(detach ? ['--detach'] : []),
    container.id,
  ]
  const child = spawn(program, [...options, ...words], {
    stdio: detach ? 'ignore' : [input ? 'inherit' : 'ignore', 'inherit', 'inherit'],
  })
  pidOf(child, 'the OCI runtime')
  return child
}

function processDocument(
  container: Container,
  pid: number,
  options: ExecOptions,
): unknown {
  const { record } = container
  const { command, env, user, directory, terminal, input } = options
  const identity = identityBelow(`/proc/${pid}/root`, user ?? record.process.user)
  const capabilities = capabilitiesOf(record.capAdd, record.capDrop, heldCapabilities())
  const own = record.process.env.filter(
    one => !env.some(other => other.split('=', 1)[0] === one.split('=', 1)[0]),
  )
  const what = {
    entrypoint: [],
    command,
    env: [...own, ...env],
    directory: directory ?? record.process.directory,
    user: '',
    terminal,
    input,
  }
  const { hostname } = record
  return {
    ...processOf({ process: what, hostname }, identity),
    ...rights(capabilities, identity),
  }
}

function identityBelow(path: string, user: string) {
  const root = openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, 0)
  if (root < 0) throw new FsError(root, 'open', path)
  try {
    return identityOf(user, root)
  } finally {
    close(root)
  }
}

function statusOf(message: string): number {
  if (/permission denied|is a directory/i.test(message)) return 126
  return /executable file|no such file/i.test(message) ? 127 : 126
}

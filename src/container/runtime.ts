// The OCI runtime: which one is here and works on this host, and how it is called.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { readIfThere } from '../image/store/replace-file.js'
import { nodePath } from '../image/store/store-place.js'
import type { Container } from './containers.js'
import { COULD_NOT_START, ContainerError } from './container-error.js'
import { spawnWords } from './children.js'
import { bytesOfText } from './record.js'

const SEARCHED = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The file of the runtime that was asked for, by name or path; else of crun, which starts faster,
 * or runc. Throws a ContainerError.
 */
export function findRuntime(
  asked: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const wanted = asked ?? env['PLYFS_RUNTIME']
  if (wanted !== undefined) {
    const path = wanted.startsWith('/') ? wanted : inPath(wanted, env)
    if (path !== null && fs.existsSync(nodePath(path))) return path
    throw new ContainerError(`there is no OCI runtime ${wanted}`, COULD_NOT_START)
  }
  const crun = crunWorks() ? inPath('crun', env) : null
  const found = crun ?? inPath('runc', env)
  if (found !== null) return found
  throw new ContainerError(
    'no OCI runtime is installed: install runc or crun',
    COULD_NOT_START,
  )
}

/** crun refuses control groups of both versions at once, unless version 2 has no controllers. */
function crunWorks(): boolean {
  try {
    return (
      fs.readFileSync('/sys/fs/cgroup/unified/cgroup.controllers', 'latin1').trim() === ''
    )
  } catch {
    return true
  }
}

function inPath(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  const path = bytesOfText(env['PATH'] ?? '')
  const folders = `${path}:${SEARCHED}`.split(':').filter(one => one !== '')
  return folders.map(folder => `${folder}/${name}`).find(isProgram) ?? null
}

function isProgram(path: string): boolean {
  try {
    fs.accessSync(nodePath(path), fs.constants.X_OK)
    return fs.statSync(nodePath(path)).isFile()
  } catch {
    return false
  }
}

/** Program and global options, to be called in the container's folder or with these full paths. */
export function runtimeCommand(
  { record, folder }: Container,
  log = `${folder}/runtime.log`,
): string[] {
  const logged = ['--log', log, '--log-format', 'json']
  return [record.runtime, '--root', `${folder}/runtime`, ...logged]
}

/** Runs one of the runtime's verbs on a container; its output. Throws a ContainerError. */
export function tellRuntime(container: Container, words: readonly string[]): string {
  const [program = '', ...options] = spawnWords(runtimeCommand(container))
  const [verb = '', ...more] = words
  const ran = spawnSync(program, [...options, verb, ...more, container.id], {
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (ran.status === 0) return ran.stdout
  throw new ContainerError(
    `${verb} ${container.record.name}: ${ran.error?.message ?? runtimeError(container) ?? ran.stderr.trim()}`,
  )
}

/** Where in the runtime it happened is nothing to people. */
const WRAPPING =
  /^(runc (run|exec) failed: )?(unable to start container process: |exec failed: )*/

/** The last error that the runtime, or the boot program, has written; null for none. */
export function runtimeError(container: Container): string | null {
  return runtimeErrorIn(container.file('runtime.log'))
}

/** The same of another log file. */
export function runtimeErrorIn(path: string): string | null {
  const text = readIfThere(path)?.toString('latin1') ?? ''
  const messages = text.split('\n').flatMap(line => {
    const [, message] = /"msg": ?"((?:[^"\\]|\\.)*)"/.exec(line) ?? []
    return message === undefined || !/"level": ?"(error|fatal)"/.test(line)
      ? []
      : [message]
  })
  const [last] = messages.slice(-1)
  return last === undefined
    ? null
    : last.replace(/\\(["\\])/g, '$1').replace(WRAPPING, '')
}

// Whether a container runs. Nothing says so but what is the case: a monitor that lives holds the
// lock, and what it has written tells how far the container came.
import * as fs from 'node:fs'
import { FsError } from '../errno/fs-error.js'
import { asCount, asObject, asString, parseJson } from '../image/model/json-shape.js'
import { readIfThere } from '../image/store/replace-file.js'
import { type StoreLock, tryLock } from '../image/store/store-lock.js'
import { nodePath } from '../image/store/store-place.js'
import type { Container } from './containers.js'
import { isFrozen } from './freezer.js'

export type ContainerState =
  /** Never started, or its start failed with a status. */
  | { readonly kind: 'created'; readonly code: number }
  /** Its process does not run yet. */
  | { readonly kind: 'starting' }
  | {
      readonly kind: 'running' | 'paused'
      readonly pid: number
      readonly startedAt: string
    }
  | {
      readonly kind: 'exited'
      readonly code: number
      readonly startedAt: string
      readonly finishedAt: string
    }
  /** Its monitor was killed, and nobody has written down what became of it (see settle.ts). */
  | { readonly kind: 'dead' }

/** How a container's last run ended. */
export interface Exit {
  readonly code: number
  /** Its process ran. */
  readonly started: boolean
  readonly finishedAt: string
}

/** What a container is doing. */
export function stateOf(container: Container): ContainerState {
  return stateUnder(container, isHeld(container))
}

/** The same for who has the lock: `held` says whether somebody else has it. */
export function stateUnder(container: Container, held: boolean): ContainerState {
  const exit = readExit(container)
  const startedAt = readStart(container)
  if (exit !== null)
    return exit.started
      ? {
          kind: 'exited',
          code: exit.code,
          startedAt: startedAt ?? '',
          finishedAt: exit.finishedAt,
        }
      : { kind: 'created', code: exit.code }
  if (!held) return startedAt === null ? { kind: 'created', code: 0 } : { kind: 'dead' }
  const pid = readPid(container)
  if (pid === null || startedAt === null) return { kind: 'starting' }
  return { kind: isFrozen(pid) ? 'paused' : 'running', pid, startedAt }
}

/** Whether somebody starts it, watches it or removes it. */
export function isHeld(container: Container): boolean {
  const lock = tryHold(container, 'shared')
  if (lock === 'gone') return false
  lock?.release()
  return lock === null
}

/** null when another has it, `gone` when the container is. */
function tryHold(
  container: Container,
  kind: 'shared' | 'exclusive',
): StoreLock | null | 'gone' {
  try {
    return tryLock(container.file('lock'), kind)
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENOENT') return 'gone'
    throw error
  }
}

/** flock(2) cannot be waited for with a limit, so a lock that is held is tried again. */
const RETRY_MS = 10

/**
 * The lock of a container, for whoever changes it. null when it is held for longer than `patience`
 * milliseconds: it runs; `gone` when it is not there any more.
 */
export async function holdContainer(
  container: Container,
  patience: number,
): Promise<StoreLock | null | 'gone'> {
  const deadline = performance.now() + patience
  for (;;) {
    const lock = tryHold(container, 'exclusive')
    if (lock !== null || performance.now() >= deadline) return lock
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

export function readExit(container: Container): Exit | null {
  const path = container.file('exit.json')
  const bytes = readIfThere(path)
  if (bytes === null) return null
  const object = asObject(parseJson(bytes, path), path)
  return {
    code: asCount(object['code'], `${path}: code`),
    started: object['started'] === true,
    finishedAt: asString(object['finishedAt'], `${path}: finishedAt`),
  }
}

function readStart(container: Container): string | null {
  const path = container.file('start.json')
  const bytes = readIfThere(path)
  if (bytes === null) return null
  return asString(asObject(parseJson(bytes, path), path)['startedAt'], path)
}

function readPid(container: Container): number | null {
  const pid = Number(readIfThere(container.file('pid'))?.toString('latin1') ?? '')
  return Number.isSafeInteger(pid) && pid > 0 && fs.existsSync(nodePath(`/proc/${pid}`))
    ? pid
    : null
}

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

/** Whether somebody starts it or watches it. */
export function isHeld(container: Container): boolean {
  // Shared with others who only look: a look is never taken for somebody who starts it.
  const lock = tryHold(container, 'lock', 'shared')
  if (lock === 'gone') return false
  lock?.release()
  return lock === null
}

/** null when another has it, `gone` when the container is. */
function tryHold(
  container: Container,
  name: 'lock' | 'change.lock',
  kind: 'shared' | 'exclusive',
): StoreLock | null | 'gone' {
  try {
    const lock = tryLock(container.file(name), kind)
    if (lock === null || fs.existsSync(nodePath(container.file('container.json'))))
      return lock
    // It was removed between the opening of the file and the lock.
    lock.release()
    return 'gone'
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENOENT') return 'gone'
    throw error
  }
}

/** flock(2) cannot be waited for with a limit, so a lock that is held is tried again. */
const RETRY_MS = 10

function pause(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, RETRY_MS))
}

async function holdBefore(
  container: Container,
  name: 'lock' | 'change.lock',
  deadline: number,
): Promise<StoreLock | null | 'gone'> {
  for (;;) {
    const lock = tryHold(container, name, 'exclusive')
    if (lock !== null || performance.now() >= deadline) return lock
    await pause()
  }
}

/**
 * The lock of a container, for whoever starts it. null when it is held for longer than `patience`
 * milliseconds: it runs; `gone` when it is not there any more.
 */
export async function holdContainer(
  container: Container,
  patience: number,
): Promise<StoreLock | null | 'gone'> {
  const deadline = performance.now() + patience
  const change = await holdBefore(container, 'change.lock', deadline)
  if (change === null || change === 'gone') return change
  try {
    return await holdBefore(container, 'lock', deadline)
  } finally {
    change.release()
  }
}

/**
 * A lock for whoever settles or removes a container: it does not run, and nobody starts it
 * meanwhile. It says nothing about the container to those who only look.
 * @param patience milliseconds to wait for others who change it.
 * @returns null when it runs, or others take longer; `gone` when it is not there any more.
 */
export async function changeContainer(
  container: Container,
  patience: number,
): Promise<StoreLock | null | 'gone'> {
  const change = await holdBefore(container, 'change.lock', performance.now() + patience)
  if (change === null || change === 'gone' || !isHeld(container)) return change
  change.release()
  return null
}

/** Until nobody starts or watches a container; false when that takes longer than `patience`. */
export async function untilFree(
  container: Container,
  patience: number,
): Promise<boolean> {
  const deadline = performance.now() + patience
  while (isHeld(container)) {
    if (performance.now() >= deadline) return false
    await pause()
  }
  return true
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

// A container that is frozen for a while, so that what it writes can be read. Who freezes it holds
// the lock of `frozen` in its folder meanwhile, and the file says so: where it is there and nobody
// has its lock, whoever froze the container was killed, and the next who comes by thaws it.
import * as fs from 'node:fs'
import { readIfThere } from '../image/store/replace-file.js'
import { type StoreLock, takePassingLock, tryLock } from '../image/store/store-lock.js'
import { nodePath } from '../image/store/store-place.js'
import type { Container } from './containers.js'
import { tellRuntime } from './runtime.js'
import { stateOf } from './state.js'

interface Frozen {
  readonly container: Container
  readonly note: StoreLock
}

/** What this process has frozen. */
const frozen = new Set<Frozen>()

/**
 * Runs work while a container is frozen; one that does not run, or that somebody has paused, is left
 * as it is. Who freezes it meanwhile is waited for.
 * @throws ContainerError, and what `work` throws.
 */
export async function whileFrozen<Result>(
  container: Container,
  work: () => Promise<Result>,
): Promise<Result> {
  if (stateOf(container).kind !== 'running' && !isNoted(container)) return work()
  const held: Frozen = { container, note: await takePassingLock(notePath(container)) }
  frozen.add(held)
  try {
    freeze(container)
    return await work()
  } finally {
    thaw(held)
  }
}

function notePath(container: Container): string {
  return container.file('frozen')
}

function isNoted(container: Container): boolean {
  return readIfThere(notePath(container)) !== null
}

/** The note is written first: who is killed in between has at most written it. */
function freeze(container: Container): void {
  if (stateOf(container).kind !== 'running') return
  fs.writeFileSync(nodePath(notePath(container)), 'frozen\n')
  tellRuntime(container, ['pause'])
}

function thaw(held: Frozen): void {
  if (!frozen.delete(held)) return
  try {
    thawNoted(held.container)
  } finally {
    held.note.release()
  }
}

/** A container without a word in the note was not frozen by who wrote it. */
function thawNoted(container: Container): void {
  const said = readIfThere(notePath(container))
  if (said === null || said.length === 0) return
  if (stateOf(container).kind === 'paused') tellRuntime(container, ['resume'])
}

/** Thaws at once what this process has frozen: for one that is to end before its work does. */
export function thawAll(): void {
  for (const held of frozen) thaw(held)
}

/** Thaws a container that a killed process has left frozen. Throws a ContainerError. */
export function thawLeft(container: Container): void {
  if (!isNoted(container)) return
  const note = tryLock(notePath(container), 'exclusive')
  if (note === null) return
  try {
    thawNoted(container)
    fs.rmSync(nodePath(notePath(container)), { force: true })
  } finally {
    note.release()
  }
}

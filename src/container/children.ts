// Children: the words that they are started with, and whether they were. Node's spawn takes text
// alone and encodes it as UTF-8; what is wrong it tells by an event.
import { isUtf8 } from 'node:buffer'
import type { ChildProcess } from 'node:child_process'
import { ContainerError, COULD_NOT_START } from './container-error.js'
import { bytesOfText } from './record.js'

/**
 * Words that a child gets as the bytes that they are here. The OCI runtime cannot handle others than
 * UTF-8 either: its configuration is JSON.
 * @throws ContainerError for bytes that are not UTF-8.
 */
export function spawnWords(words: readonly string[]): string[] {
  return words.map(spawnWord)
}

/** The same of one. */
export function spawnWord(word: string): string {
  const bytes = Buffer.from(word, 'latin1')
  if (isUtf8(bytes)) return bytes.toString('utf8')
  throw new ContainerError(
    `${word} is not UTF-8, which the OCI runtime cannot handle: use another path`,
    COULD_NOT_START,
  )
}

/**
 * The number of a child that was spawned just now.
 * @param what it is, for the message.
 * @throws ContainerError when it could not be.
 */
export function pidOf(child: ChildProcess, what: string): number {
  // An error that nobody listens to would end this process.
  child.on('error', () => undefined)
  if (child.pid !== undefined) return child.pid
  throw new ContainerError(
    `cannot start ${what}: is ${bytesOfText(child.spawnfile)} there, and is there memory?`,
    COULD_NOT_START,
  )
}

// Lower files that all processes begin to write at once: the copy-up happens under them. Each has
// a region of its own in every file; readers see regions old or new, never anything else.
import * as fs from 'node:fs'
import { join } from 'node:path'
import type { Actor, Play, Report } from './actor.js'

export const COPIED_FILES = 40
export const COPIED_SIZE = 300_000
const REGION = 3000

export const copying: Play = actor => {
  let next = 0
  const written: string[] = []
  const readers = Array.from({ length: COPIED_FILES }, (_, i) =>
    fs.openSync(join(actor.root, `copied-${i}`), 'r'),
  )
  const write = (): void => {
    const file = next++ % COPIED_FILES
    const round = Math.floor(next / COPIED_FILES) % 26
    const letter = String.fromCharCode(97 + round)
    const fd = fs.openSync(join(actor.root, `copied-${file}`), 'r+')
    const at = actor.number * REGION
    if (fs.writeSync(fd, Buffer.alloc(REGION, letter), 0, REGION, at) !== REGION) {
      actor.wrong('short write')
    }
    written[file] = letter
    fs.closeSync(fd)
    check(actor, readers[file] ?? -1, file, letter)
  }
  const meddle = (): void => {
    const path = join(actor.root, `copied-${actor.random.below(COPIED_FILES)}`)
    if (actor.random.chance(0.5))
      fs.chmodSync(path, actor.random.pick([0o600, 0o644, 0o666]))
    else fs.utimesSync(path, 1, 2)
    if (fs.statSync(path).size !== COPIED_SIZE) actor.wrong(`${path} has another size`)
  }
  return {
    step: () => (actor.random.chance(0.8) ? write() : meddle()),
    account: () => Array.from({ length: COPIED_FILES }, (_, i) => written[i] ?? '.'),
  }
}

/** Through a descriptor from before the copy-up: my region new, the others each of one letter. */
function check(actor: Actor, fd: number, file: number, letter: string): void {
  const bytes = Buffer.alloc(REGION)
  for (let other = 0; other < actor.count; other++) {
    fs.readSync(fd, bytes, 0, REGION, other * REGION)
    const text = bytes.toString('latin1')
    const first = text[0] ?? ''
    if (other === actor.number && text !== letter.repeat(REGION)) {
      actor.wrong(`copied-${file}: own region reads ${first}, not ${letter}`)
    }
    if (!/^[a-z.]$/.test(first))
      actor.wrong(`copied-${file}: region ${other} reads ${first}`)
  }
}

export function checkCopied(root: string, reports: readonly Report[]): string[] {
  const wrong: string[] = []
  for (let file = 0; file < COPIED_FILES; file++) {
    const expected = Buffer.alloc(COPIED_SIZE, '.')
    for (const [actor, { account }] of reports.entries()) {
      expected.fill(account[file] ?? '.', actor * REGION, (actor + 1) * REGION)
    }
    if (!fs.readFileSync(join(root, `copied-${file}`)).equals(expected)) {
      wrong.push(`copied-${file} has not what was written last`)
    }
  }
  return wrong
}

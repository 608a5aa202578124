// Tokens (files of the lower) and the directories they lie in are renamed by everybody at once.
// Nothing is ever removed or replaced, so each token must be somewhere, once, with its content.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { native } from '../../../src/sys/native.js'
import { race, readAll, type Actor, type Play, type Report } from './actor.js'

export const HOUSES = 6
export const TOKENS = 60

const AT_FDCWD = -100
const RENAME_NOREPLACE = 1
const RENAME_EXCHANGE = 2
const [ENOENT, EEXIST] = [-2, -17]

export const moving: Play = actor => {
  const { random } = actor
  const place = (): string =>
    join(actor.root, `house-${random.below(HOUSES)}`, `token-${random.below(TOKENS)}`)
  const house = (): string => join(actor.root, `house-${random.below(HOUSES)}`)
  const move = (from: string, to: string, flags: number): void => {
    const result = native.renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)
    if (![0, ENOENT, EEXIST].includes(result)) {
      actor.wrong(`renameat2(${from}, ${to}, ${flags}): ${result}`)
    }
  }
  const steps = [
    () => moveToken(actor, move),
    () => moveToken(actor, move),
    () => move(place(), place(), RENAME_EXCHANGE),
    () => move(house(), house(), RENAME_EXCHANGE),
    () =>
      move(
        house(),
        join(actor.root, `house-${random.below(HOUSES + 2)}`),
        RENAME_NOREPLACE,
      ),
    () => look(actor, place()),
    () => look(actor, place()),
    () =>
      race(actor, ['ENOENT'], () => fs.chmodSync(place(), random.pick([0o600, 0o644]))),
  ]
  return {
    step: () => {
      random.pick(steps)()
    },
    account: () => [],
  }
}

/** A token keeps its name wherever it goes, or two could meet. */
function moveToken(
  actor: Actor,
  move: (from: string, to: string, flags: number) => void,
): void {
  const { random, root } = actor
  const name = `token-${random.below(TOKENS)}`
  const houses = [random.below(HOUSES + 2), random.below(HOUSES + 2)]
  const [from = '', to = ''] = houses.map(number => join(root, `house-${number}`, name))
  move(from, to, RENAME_NOREPLACE)
}

function look(actor: Actor, path: string): void {
  const content = race(actor, ['ENOENT'], () => readAll(path))
  // Exchanged tokens lie under each other's names; any token's content is right.
  if (content !== undefined && !/^token-\d+$/.test(content))
    actor.wrong(`${path}: ${content}`)
}

export function checkMoved(root: string, _: readonly Report[]): string[] {
  const seen = new Map<string, number>()
  for (const house of fs.readdirSync(root)) {
    for (const name of fs.readdirSync(join(root, house))) {
      const content = readAll(join(root, house, name))
      seen.set(content, (seen.get(content) ?? 0) + 1)
    }
  }
  const wrong: string[] = []
  for (let i = 0; i < TOKENS; i++) {
    const times = seen.get(`token-${i}`) ?? 0
    if (times !== 1) wrong.push(`token-${i} is there ${times} times`)
  }
  const total = [...seen.values()].reduce((sum, times) => sum + times, 0)
  if (total !== TOKENS) wrong.push(`${total} files`)
  if (fs.readdirSync(root).length !== HOUSES) wrong.push('a directory was lost or made')
  return wrong
}

// Names that stay, half of them from the lower, among names that come and go: every listing must
// have each that stays exactly once, and nothing twice.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { race, type Actor, type Play, type Report } from './actor.js'

export const PERMANENT = 400

export const listing: Play = actor => {
  // Each process makes its part of the other half; only names that are certainly there count.
  for (let i = 1 + 2 * actor.number; i < PERMANENT; i += 2 * actor.count) {
    fs.writeFileSync(join(actor.root, `stays-${i}`), '')
  }
  const mine = (i: number): boolean =>
    i % 2 === 0 || ((i - 1) / 2) % actor.count === actor.number
  const certain = Array.from({ length: PERMANENT }, (_, i) => i)
    .filter(mine)
    .map(i => `stays-${i}`)
  let serial = 0
  const comeAndGo = (): void => {
    const names = Array.from({ length: 20 }, () =>
      join(actor.root, `goes-${actor.number}-${serial++}`),
    )
    for (const name of names) fs.writeFileSync(name, '')
    for (const name of names) fs.unlinkSync(name)
  }
  const hide = (): void => {
    // A lower name removed and made again leaves a whiteout and takes it away.
    const name = join(actor.root, `shared-${actor.random.below(10)}`)
    race(actor, ['EEXIST'], () => fs.writeFileSync(name, '', { flag: 'wx' }))
    race(actor, ['ENOENT'], () => fs.unlinkSync(name))
  }
  return {
    step: () => {
      const choice = actor.random.below(10)
      if (choice < 5) checkNames(actor, certain)
      else if (choice < 8) comeAndGo()
      else hide()
    },
    account: () => [],
  }
}

function checkNames(actor: Actor, certain: readonly string[]): void {
  const names = actor.random.chance(0.5) ? fs.readdirSync(actor.root) : slowly(actor)
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) actor.wrong(`${name} is listed twice`)
    seen.add(name)
  }
  for (const name of certain) if (!seen.has(name)) actor.wrong(`${name} is not listed`)
}

/** Entry by entry with small buffers, and other work in between. */
function slowly(actor: Actor): string[] {
  const names: string[] = []
  const directory = fs.opendirSync(actor.root, { bufferSize: 1 + actor.random.below(40) })
  for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
    names.push(entry.name)
    if (actor.random.chance(0.02)) {
      const name = join(actor.root, `brief-${actor.number}`)
      fs.writeFileSync(name, '')
      fs.unlinkSync(name)
    }
  }
  directory.closeSync()
  return names
}

export function checkListing(root: string, _: readonly Report[]): string[] {
  const names = fs.readdirSync(root)
  const wrong = names
    .filter(name => !name.startsWith('stays-'))
    .map(name => `${name} is left`)
  for (let i = 0; i < PERMANENT; i++) {
    if (!names.includes(`stays-${i}`)) wrong.push(`stays-${i} is gone`)
  }
  return wrong
}

// Trees are removed as `rm -r` does while others make files and directories in them, and are made
// anew. Races give ENOENT, ENOTEMPTY or EEXIST, and a tree that was removed is gone.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { race, readAll, type Actor, type Play, type Report } from './actor.js'

const RACES = ['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR', 'EPERM']
const TREES = 4

export const razing: Play = actor => {
  const { random } = actor
  const tree = (): string => join(actor.root, `tree-${random.below(TREES)}`)
  const inside = (): string => join(tree(), random.pick(['a', 'a/b', 'c', 'a/c', '.']))
  let serial = 0
  const write = (): void => {
    const path = join(inside(), `file-${random.below(5)}`)
    const text = `${actor.number}:${serial++}`
    const done = race(actor, RACES, () => {
      fs.writeFileSync(path, text)
      return true
    })
    const found = done && race(actor, ['ENOENT', 'ENOTDIR'], () => readAll(path))
    // Whole contents of somebody, or empty between truncation and writing.
    if (found !== undefined && found !== false && !/^(\d+:\d+|lower)?$/.test(found)) {
      actor.wrong(`${path}: ${found}`)
    }
  }
  const steps = [
    write,
    write,
    write,
    () => race(actor, RACES, () => fs.mkdirSync(inside())),
    () =>
      race(actor, RACES, () => fs.mkdirSync(join(tree(), 'a', 'b'), { recursive: true })),
    // A directory cannot go into itself: EINVAL.
    () =>
      race(actor, [...RACES, 'EINVAL'], () =>
        fs.renameSync(inside(), inside() + `-${actor.number}`),
      ),
    () => remove(actor, tree()),
  ]
  return {
    step: () => {
      random.pick(steps)()
    },
    account: () => [],
  }
}

/** Depth first; names that others make meanwhile are met by trying again. */
function remove(actor: Actor, path: string): void {
  for (const entry of race(actor, RACES, () =>
    fs.readdirSync(path, { withFileTypes: true }),
  ) ?? []) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) remove(actor, child)
    else race(actor, ['ENOENT', 'EISDIR', 'ENOTDIR', 'EPERM'], () => fs.unlinkSync(child))
  }
  race(actor, RACES, () => fs.rmdirSync(path))
}

/** What is listed can be looked at and removed. */
export function checkRazed(root: string, _: readonly Report[]): string[] {
  try {
    for (const name of fs.readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      fs.lstatSync(join(root, name))
    }
    for (const name of fs.readdirSync(root))
      fs.rmSync(join(root, name), { recursive: true })
    const left = fs.readdirSync(root)
    return left.length === 0 ? [] : [`left: ${left.join(' ')}`]
  } catch (error) {
    return [String(error)]
  }
}

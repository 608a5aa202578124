// Each process makes, writes, renames, links, reads and removes files of its own in a directory
// that all share. What it thinks it has must be what is there.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { readAll, stamp, type Actor, type Play, type Report } from './actor.js'

export const owning: Play = actor => {
  const files = new Map<string, string>()
  /** Names of one inode have one number here. */
  const inodes = new Map<string, number>()
  let serial = 0
  const make = (): void => {
    const name = `p${actor.number}-${serial++}`
    const content = stamp(name, actor.random.pick([0, 10, 5000, 70_000]))
    fs.writeFileSync(join(actor.root, name), content, { flag: 'wx' })
    files.set(name, content.toString('latin1'))
    inodes.set(name, serial)
  }
  const rename = (from: string, to: string): void => {
    fs.renameSync(join(actor.root, from), join(actor.root, to))
    // Two names of one file: rename(2) leaves both.
    if (inodes.get(from) === inodes.get(to)) return
    files.set(to, files.get(from) ?? '')
    inodes.set(to, inodes.get(from) ?? 0)
    files.delete(from)
    inodes.delete(from)
  }
  const with1 = (work: (name: string, content: string) => void): void => {
    if (files.size === 0) {
      make()
      return
    }
    const [name, content] = actor.random.pick([...files])
    work(name, content)
  }
  const move = (): void => with1(name => rename(name, `p${actor.number}-${serial++}`))
  const replace = (): void => with1(name => with1(over => rename(name, over)))
  const link = (): void =>
    with1((name, content) => {
      const to = `p${actor.number}-${serial++}`
      fs.linkSync(join(actor.root, name), join(actor.root, to))
      files.set(to, content)
      inodes.set(to, inodes.get(name) ?? 0)
    })
  const read = (): void => with1((name, content) => verify(actor, name, content))
  const remove = (): void =>
    with1(name => {
      fs.unlinkSync(join(actor.root, name))
      files.delete(name)
      inodes.delete(name)
      if (fs.existsSync(join(actor.root, name))) actor.wrong(`${name} is still there`)
    })
  const steps = [make, make, move, replace, link, read, read, remove]
  return {
    step: () => (files.size > 150 ? remove() : actor.random.pick(steps)()),
    account: () =>
      [...files].map(
        ([name, content]) => `${name} ${content.length} ${content.split('\n')[0] ?? ''}`,
      ),
  }
}

function verify(actor: Actor, name: string, content: string): void {
  const found = readAll(join(actor.root, name))
  if (found !== content) {
    actor.wrong(
      `${name}: ${found.length} bytes beginning ${found.slice(0, 20)}, not ${content.slice(0, 20)}`,
    )
  }
}

export function checkOwned(root: string, reports: readonly Report[]): string[] {
  const expected = new Map<string, string>()
  for (const { account } of reports) {
    for (const line of account) expected.set(line.split(' ')[0] ?? '', line)
  }
  for (let i = 0; i < 50; i++)
    expected.set(`lower-${i}`, `lower-${i} ${`lower-${i}`.length} lower-${i}`)
  const found = new Map(
    fs.readdirSync(root).map(name => {
      const content = readAll(join(root, name))
      return [name, `${name} ${content.length} ${content.split('\n')[0] ?? ''}`] as const
    }),
  )
  const lost = [...expected]
    .filter(([name]) => !found.has(name))
    .map(([name]) => `lost ${name}`)
  const extra = [...found]
    .filter(([name]) => !expected.has(name))
    .map(([name]) => `extra ${name}`)
  const wrong = [...found]
    .filter(([name, line]) => expected.has(name) && expected.get(name) !== line)
    .map(([name, line]) => `${name}: found ${line}, expected ${expected.get(name) ?? ''}`)
  return [...lost, ...extra, ...wrong]
}

// A counter that is read, raised and written back under a lock made of names: O_EXCL, mkdir, link,
// rename without replacing. If two ever held the lock, an increment is lost.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { native } from '../../../src/sys/native.js'
import { readAll, wins, type Actor, type Play, type Report } from './actor.js'

const AT_FDCWD = -100
const RENAME_NOREPLACE = 1
const EEXIST = 17

interface Lock {
  take(): boolean
  release(): void
}

export const counting: Play = actor => {
  let added = 0
  const locks = [exclusive(actor), directory(actor), linked(actor), renamed(actor)]
  const counter = join(actor.root, 'counter')
  return {
    step: () => {
      // All four locks guard the same counter, so all are taken, in this order.
      const held: Lock[] = []
      for (const lock of locks) {
        let taken = lock.take()
        while (!taken && actor.going()) taken = lock.take()
        if (!taken) break
        held.push(lock)
      }
      if (held.length === locks.length) {
        const value = Number(readAll(counter))
        if (!(value >= added))
          actor.wrong(`the counter is ${value} after ${added} of mine`)
        fs.writeFileSync(counter, String(value + 1))
        added++
      }
      for (const lock of held.reverse()) lock.release()
    },
    account: () => [String(added)],
  }
}

function exclusive(actor: Actor): Lock {
  const path = join(actor.root, 'lock-file')
  return {
    take: () => wins(actor, ['EEXIST'], () => fs.closeSync(fs.openSync(path, 'wx'))),
    release: () => fs.unlinkSync(path),
  }
}

function directory(actor: Actor): Lock {
  const path = join(actor.root, 'lock-directory')
  return {
    take: () => wins(actor, ['EEXIST'], () => fs.mkdirSync(path)),
    release: () => fs.rmdirSync(path),
  }
}

function linked(actor: Actor): Lock {
  const path = join(actor.root, 'lock-link')
  const mine = join(actor.root, `mine-${actor.number}`)
  fs.writeFileSync(mine, '')
  return {
    take: () => wins(actor, ['EEXIST'], () => fs.linkSync(mine, path)),
    release: () => fs.unlinkSync(path),
  }
}

function renamed(actor: Actor): Lock {
  const path = join(actor.root, 'lock-rename')
  const ticket = join(actor.root, `ticket-${actor.number}`)
  return {
    take: () => {
      fs.writeFileSync(ticket, '')
      const result = native.renameat2(AT_FDCWD, ticket, AT_FDCWD, path, RENAME_NOREPLACE)
      if (result !== 0 && result !== -EEXIST) actor.wrong(`renameat2: ${result}`)
      return result === 0
    },
    release: () => fs.unlinkSync(path),
  }
}

export function checkCounter(root: string, reports: readonly Report[]): string[] {
  const expected = reports.reduce((sum, { account }) => sum + Number(account[0]), 0)
  const value = readAll(join(root, 'counter'))
  const left = fs.readdirSync(root).filter(name => name.startsWith('lock-'))
  return [
    ...(value === String(expected) ? [] : [`the counter is ${value}, not ${expected}`]),
    ...left.map(name => `${name} is left`),
  ]
}

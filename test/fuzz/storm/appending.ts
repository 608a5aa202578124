// Records of a fixed size appended with O_APPEND to one file, which is a lower one at first: its
// copy-up must lose none, and none may be torn. Readers that opened early must see them come.
import * as fs from 'node:fs'
import { join } from 'node:path'
import { readAll, type Play, type Report } from './actor.js'

const RECORD = 64

function record(actor: number, serial: number): string {
  return `${actor}:${serial}:`.padEnd(RECORD - 1, String(actor % 10)) + '\n'
}

export const appending: Play = actor => {
  let serial = 0
  const file = join(actor.root, 'log')
  const early = fs.openSync(file, 'r')
  const append = (): void => {
    const fd = fs.openSync(file, 'a')
    for (let i = 0; i < 5; i++) {
      const bytes = Buffer.from(record(actor.number, serial++))
      if (fs.writeSync(fd, bytes) !== RECORD) actor.wrong('short write')
    }
    fs.closeSync(fd)
  }
  const watch = (): void => {
    // What this process has written before is visible to it, through the old descriptor too.
    const { size } = fs.fstatSync(early)
    if (size < serial * RECORD) actor.wrong(`size ${size} after ${serial} own records`)
    const from = Math.max(0, Math.floor(size / RECORD) - 20) * RECORD
    const bytes = Buffer.alloc(RECORD * 20)
    const length = fs.readSync(early, bytes, 0, bytes.length, from)
    for (const line of bytes
      .toString('latin1', 0, length - (length % RECORD))
      .split('\n')) {
      if (line !== '' && !/^(\d+):\d+:(\d)\2*$/.test(line)) actor.wrong(`torn: ${line}`)
    }
  }
  return {
    step: () => (actor.random.chance(0.8) ? append() : watch()),
    account: () => [String(serial)],
  }
}

export function checkAppended(root: string, reports: readonly Report[]): string[] {
  const text = readAll(join(root, 'log'))
  const lines = text.split('\n').slice(0, -1)
  const counts = new Map<string, number>()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  const wrong: string[] = []
  let expected = 0
  for (const [actor, { account }] of reports.entries()) {
    const written = Number(account[0])
    expected += written
    for (let serial = 0; serial < written; serial++) {
      const times = counts.get(record(actor, serial).slice(0, -1)) ?? 0
      if (times !== 1) wrong.push(`record ${actor}:${serial} is there ${times} times`)
    }
  }
  if (text.length !== expected * RECORD) {
    wrong.push(`${text.length} bytes, not ${expected * RECORD}`)
  }
  return wrong
}

// A mount that nobody uses takes no processor: over a minute under a thousandth of one, for all
// threads of its processes, whatever was done on it before. It waits beside the other test files
// (scripts/testing/suites.ts).
import * as fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack } from '../../helpers/stack.js'
import { describeTree, dir, file } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MINUTE = 60_000
/** Milliseconds of a tick of proc(5), which is the same on all machines (USER_HZ). */
const TICK = 10

/** Milliseconds of processor time of a mount's processes, of threads that have ended too. */
function processorTime(mounted: Mounted): number {
  const times = mounted.pids().map(pid => {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, a name in parentheses, may hold anything; utime and stime are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  })
  return times.reduce((sum, ticks) => sum + ticks, 0) * TICK
}

t.test('a mount that nobody uses takes no processor', async t => {
  const many = Array.from({ length: 2000 }, (_, i) => [`f${i}`, file(`${i}`)] as const)
  const layers = await makeStack({ lowers: [{ d: dir(Object.fromEntries(many)) }] })
  const mounts = {
    'read-only': await mountPlyfs({ lower: layers.lower }),
    writable: await mountPlyfs(layers),
  }
  const { point } = mounts.writable
  const held = Object.values(mounts).map(mounted => {
    describeTree(mounted.point)
    return calls.open(`${mounted.point}/d/f0`, C.O_RDONLY)
  })
  for (let i = 1; i < 200; i++) calls.chmod(`${point}/d/f${i}`, 0o600)
  calls.writeFile(`${point}/new`, 'new')

  const before = Object.values(mounts).map(processorTime)
  await delay(MINUTE)
  const after = Object.values(mounts).map(processorTime)
  Object.keys(mounts).forEach((name, i) => {
    const started = before[i] ?? 0
    const used = (after[i] ?? 0) - started
    t.ok(started > 0, `${name}: ${started} ms before`)
    t.ok(used < MINUTE / 1000, `${name}: ${used} ms in a minute`)
  })
  for (const fd of held) calls.close(fd)
  for (const mounted of Object.values(mounts)) t.same(await mounted.end(), [])
})

// A directory of 200,000 names, merged from layers, listed slowly while the kernel's caches and
// plyfs's own are emptied and names are made and removed: no name twice, and none missing that was
// there throughout.
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { agentProgram } from '../../helpers/agent.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'
import { run } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import { dir, file, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const EACH = 100_000

/** Entries and inodes that are not in use leave the kernel. */
function evict(): void {
  fs.writeFileSync('/proc/sys/vm/drop_caches', '2')
}

/** Makes COUNT files with the agent, far faster than one call at a time from here. */
async function makeFiles(
  directory: string,
  prefix: string,
  count: number,
): Promise<void> {
  const input = `files ${directory} ${prefix} ${count}\n`
  const ran = await run(await agentProgram(), [], { input, limit: 120_000 })
  if (ran.stdout !== `${count}\n`) throw new Error(`made ${ran.stdout} of ${count}`)
}

t.test('200,000 names', async t => {
  const many: Tree = Object.fromEntries(
    Array.from({ length: 5 }, (_, i) => [`other${i}`, dir({ a: file(''), b: file('') })]),
  )
  const layers = await makeStack({ lowers: [{ big: dir() }, { big: dir(), ...many }] })
  const [top = '', bottom = ''] = layers.lower
  await makeFiles(`${top}/big`, 'top', EACH)
  await makeFiles(`${bottom}/big`, 'bottom', EACH)
  // Some are in both, some are hidden.
  for (let i = 0; i < 1000; i++) fs.writeFileSync(`${bottom}/big/top${i}`, '')
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  for (let i = 0; i < 500; i++) calls.unlink(`${point}/big/bottom${i * 7}`)
  for (let i = 0; i < 500; i++) calls.writeFile(`${point}/big/upper${i}`, '')
  t.pass('prepared')

  const expected = new Set<string>()
  for (let i = 0; i < EACH; i++) expected.add(`top${i}`).add(`bottom${i}`)
  for (let i = 0; i < 500; i++) expected.delete(`bottom${i * 7}`)
  for (let i = 0; i < 500; i++) expected.add(`upper${i}`)

  const seen = new Map<string, number>()
  const removed = new Set<string>()
  const made = new Set<string>()
  const fd = calls.open(`${point}/big`, C.O_RDONLY | C.O_DIRECTORY)
  let rounds = 0
  for (;;) {
    const part = calls.getdents(fd, 32_768)
    if (part.length === 0) break
    for (const { name } of part) seen.set(name, (seen.get(name) ?? 0) + 1)
    rounds += 1
    if (rounds % 5 === 0) {
      calls.writeFile(`${point}/big/made${rounds}`, '')
      made.add(`made${rounds}`)
      const victim = `top${(rounds * 631) % EACH}`
      if (calls.exists(`${point}/big/${victim}`)) {
        calls.unlink(`${point}/big/${victim}`)
        removed.add(victim)
      }
    }
    if (rounds % 20 === 0) {
      // Other merged listings push this one out of plyfs's cache.
      for (let i = 0; i < 5; i++) calls.names(`${point}/other${i}`)
      evict()
      t.pass(`${seen.size} names so far`)
    }
  }
  calls.close(fd)
  const twice = [...seen].filter(([, count]) => count > 1).map(([name]) => name)
  t.same(twice, [], 'no name twice')
  const missing = [...expected].filter(name => !removed.has(name) && !seen.has(name))
  t.same(missing.slice(0, 10), [], `none of ${expected.size} is missing`)
  const strange = [...seen.keys()].filter(
    name => !expected.has(name) && !made.has(name) && name !== '.' && name !== '..',
  )
  t.same(strange.slice(0, 10), [], 'none that never was')
  t.ok(rounds > 100, `${rounds} parts`)

  // And once more in one go: exactly what is there.
  for (const name of removed) expected.delete(name)
  for (const name of made) expected.add(name)
  const now = calls.names(`${point}/big`)
  t.equal(now.length, expected.size, 'count of names in the end')
  t.ok(
    now.every(name => expected.has(name)),
    'the names in the end',
  )
  t.same(await mounted.end(), [])
})

// While a large file is copied up, everything else is served, also what was never looked up
// before; and what concerns the file itself waits and is right.
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { Agent } from '../../helpers/agent.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, plyfsProgram, type Mounted } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { dir, file, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const MIB = 1 << 20
const SIZE = 400

/** A mount over a file of 400 MiB and many small ones. */
async function large(
  options: readonly string[] = [],
): Promise<{ mounted: Mounted; layers: WritableLayers }> {
  const small: Tree = Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => [`s${i}`, file(`small ${i}`)]),
  )
  const layers = await makeStack({
    lowers: [{ d: dir(small), e: dir() }],
    kind: 'xfs',
    lowerKind: 'ext4',
  })
  calls.withOpen(`${layers.lower[0]}/big`, C.O_RDWR | C.O_CREAT, fd => {
    for (let i = 0; i < SIZE; i++) calls.pwrite(fd, Buffer.alloc(MIB, i), i * MIB)
  })
  return { mounted: await mountPlyfs(layers, { options }), layers }
}

t.test('others are served meanwhile', async t => {
  const { mounted } = await large()
  const { point } = mounted
  const agent = await Agent.start()
  const opening = agent.attempt(60_000, 'open', `${point}/big`, C.O_RDWR)
  let served = 0
  let worst = 0
  while (agent.busy) {
    const start = performance.now()
    // A name never looked up before, its contents, a listing, and a small copy-up.
    const name = `${point}/d/s${served}`
    calls.stat(name)
    calls.readText(name)
    if (served % 10 === 0) calls.chmod(name, 0o600)
    worst = Math.max(worst, performance.now() - start)
    served += 1
    // The agent's answer arrives between turns of the event loop.
    await new Promise(resolve => setImmediate(resolve))
    if (served === 2000) break
  }
  t.ok((await opening).value >= 0, 'the copy-up succeeds')
  t.ok(served > 20, `${served} names were served meanwhile`)
  t.ok(worst < 2000, `the slowest took ${Math.round(worst)} ms`)
  await agent.end()
  t.same(await mounted.end(), [])
})

t.test('what concerns the file waits, and is right', async t => {
  const { mounted, layers } = await large()
  const { point } = mounted
  const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(() => Agent.start()))
  if (!one || !two || !three || !four) throw new Error('no agents')
  const reader = await four.call('open', `${point}/big`, C.O_RDONLY)
  const opening = one.attempt(60_000, 'open', `${point}/big`, C.O_RDWR)
  const chmod = two.attempt(60_000, 'chmod', `${point}/big`, 0o600)
  const rename = three.attempt(60_000, 'rename', `${point}/big`, `${point}/e/moved`)
  const read = await four.ask('pread', reader, 4, 5 * MIB)
  t.equal(read.rest[0], '\x05\x05\x05\x05', 'a reader from before is served')
  const fd = (await opening).value
  t.ok(fd >= 0, 'opened')
  t.equal((await chmod).value, 0, 'chmod')
  t.equal((await rename).value, 0, 'rename')
  t.same(calls.names(point), ['d', 'e'])
  t.equal(calls.stat(`${point}/e/moved`).mode & 0o777, 0o600)
  t.equal(calls.stat(`${point}/e/moved`).size, SIZE * MIB)
  await one.call('pwrite', fd, 'WRITTEN', 7 * MIB)
  t.equal(
    (await four.ask('pread', reader, 7, 7 * MIB)).rest[0],
    'WRITTEN',
    'seen by the reader',
  )
  for (const agent of [one, two, three, four]) await agent.end()
  t.same(await mounted.end(), [])
  t.same(
    calls.names(`${layers.work}/work`).filter(name => !name.startsWith('#')),
    [],
  )
  t.equal(calls.stat(`${layers.upper}/e/moved`).size, SIZE * MIB)
})

t.test('removed, truncated and opened by many meanwhile', async t => {
  const { mounted, layers } = await large()
  const { point } = mounted
  const agents = await Promise.all(Array.from({ length: 5 }, () => Agent.start()))
  const [first, ...rest] = agents
  if (first === undefined) throw new Error('no agent')
  const opening = first.attempt(60_000, 'open', `${point}/big`, C.O_RDWR)
  const others = rest.map(agent =>
    agent.attempt(60_000, 'open', `${point}/big`, C.O_RDWR),
  )
  const fd = (await opening).value
  for (const other of others) t.ok((await other).value >= 0, 'opened by another')
  const unlink = rest[0]?.attempt(60_000, 'unlink', `${point}/big`)
  await first.call('pwrite', fd, 'after', 0)
  t.equal((await unlink)?.value, 0)
  t.equal((await first.ask('pread', fd, 5, 0)).rest[0], 'after', 'by the descriptor')
  t.notOk(calls.exists(`${point}/big`))
  for (const agent of agents) await agent.end()
  t.same(await mounted.end(), [])
  t.same(calls.names(layers.upper).filter(name => name === 'big').length, 1, 'a whiteout')
})

t.test('who is killed while it waits does not wait for the end', async t => {
  const { mounted, layers } = await large()
  const { point } = mounted
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => Agent.start()))
  if (!one || !two || !three) throw new Error('no agents')
  const opening = one.attempt(60_000, 'open', `${point}/big`, C.O_RDWR)
  const killed = two.attempt(60_000, 'chmod', `${point}/big`, 0o600)
  const other = three.attempt(60_000, 'open', `${point}/big`, C.O_RDWR)
  const isAsking = (): boolean =>
    fs.readFileSync(`/proc/${two.pid}/stack`, 'utf8').includes('fuse_do_setattr')
  while (one.busy && !isAsking()) await new Promise(resolve => setImmediate(resolve))
  // Served after what it asks.
  calls.stat(`${point}/d/s0`)
  process.kill(two.pid, 'SIGKILL')
  await t.rejects(killed, /died in chmod/)
  t.ok(one.busy, 'the copy goes on')
  t.ok((await opening).value >= 0, 'and succeeds')
  t.ok((await other).value >= 0, 'for who waited too')
  t.equal(
    calls.stat(`${point}/big`).mode & 0o777,
    0o644,
    'what was interrupted is not done',
  )
  const stats = await must(plyfsProgram(), ['stats', '--json', point])
  t.match(JSON.parse(stats), { requests: { INTERRUPT: Number } })
  for (const agent of [one, two, three]) await agent.end()
  t.same(await mounted.end(), [])
  for (const layer of [layers.upper, ...layers.lower]) calls.unlink(`${layer}/big`)
})

for (const metacopy of ['off', 'on'])
  t.test(
    `a truncation whose caller is killed meanwhile, metacopy=${metacopy}`,
    async t => {
      const { mounted, layers } = await large([`metacopy=${metacopy}`])
      const { point } = mounted
      // With metacopy=on the data is copied into a file that is in the upper already.
      if (metacopy === 'on') calls.chmod(`${point}/big`, 0o640)
      const agent = await Agent.start()
      void agent.attempt(60_000, 'truncate', `${point}/big`, 300 * MIB)
      const other = await Agent.start()
      const opening = other.attempt(60_000, 'open', `${point}/big`, C.O_RDWR)
      // Served while the copy is made, so the truncation has come.
      calls.stat(`${point}/d/s0`)
      await agent.end()
      t.ok((await opening).value >= 0)
      await other.end()
      const fd = calls.open(`${point}/big`, C.O_RDONLY)
      const { size } = calls.fstat(fd)
      const last = calls.pread(fd, 1, size - 1)[0] ?? -1
      calls.close(fd)
      t.ok([300, SIZE].includes(size / MIB), `whole or cut: ${size / MIB} MiB`)
      t.equal(last, (size / MIB - 1) & 0xff, 'the last byte')
      t.same(await mounted.end(), [])
      // Room for the next one.
      for (const layer of [layers.upper, ...layers.lower]) calls.unlink(`${layer}/big`)
    },
  )

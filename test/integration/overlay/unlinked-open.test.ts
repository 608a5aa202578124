// More objects without a name are held open than the server may have descriptors: all of them go
// on to be read, written and asked about, and nothing of them is left when it is over.
import type { Test } from 'tap'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as readline from 'node:readline'
import { fileURLToPath } from 'node:url'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, type MountOptions } from '../../helpers/mounted.js'
import { run } from '../../helpers/run.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { fifo, file, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const program = fileURLToPath(new URL('../../fixtures/hold-unlinked.js', import.meta.url))

class Holder {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(directory: string, first: number, count: number) {
    const args = [program, directory, String(first), String(count)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    const lines = readline.createInterface({ input: child.stdout })
    this.#lines = lines[Symbol.asyncIterator]()
  }

  async says(): Promise<string> {
    const line = await this.#lines.next()
    return line.done === true ? 'died' : line.value
  }

  look(): Promise<string> {
    this.#child.stdin?.write('look\n')
    return this.says()
  }

  async letGo(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.stdin?.end()
    this.#child.kill()
    await gone
  }
}

/** Of each hundred objects two are files that a lower has. */
function lowerTree(count: number): Tree {
  const tree: Record<string, Tree[string]> = {}
  for (let i = 0; i < count; i++)
    if (i % 100 === 2 || i % 100 === 3) tree[String(i)] = file(`content of ${i}`)
  return tree
}

/** Temporaries in the work directory, but for the whiteout that others are links of. */
function leftovers(layers: WritableLayers): string[] {
  const work = `${layers.work}/work`
  return calls.names(work).filter(name => {
    const place = `${work}/${name}`
    // The server may take one away meanwhile.
    return calls.exists(place) && (calls.lstat(place).mode & C.S_IFMT) !== C.S_IFCHR
  })
}

/** `holders` processes hold `each` objects of a server that may have `limit` descriptors. */
async function holdMany(
  t: Test,
  how: MountOptions & { readonly holders: number; readonly each: number },
  limit: number,
): Promise<void> {
  const { holders, each } = how
  const layers = await makeStack({ lowers: [lowerTree(holders * each)] })
  const through = ['prlimit', `--nofile=${limit}:${limit}`]
  const mounted = await mountPlyfs(layers, { ...how, through })
  const all = Array.from(
    { length: holders },
    (_, i) => new Holder(mounted.point, i * each, each),
  )
  for (const one of all) t.equal(await one.says(), 'held')
  t.same(await Promise.all(all.map(one => one.look())), all.map(() => '[]')) // prettier-ignore
  t.ok(leftovers(layers).length > 0, 'most of them have a name in the work directory')
  calls.writeFile(`${mounted.point}/other`, 'goes on')
  t.equal(calls.readText(`${mounted.point}/other`), 'goes on')
  t.same(await Promise.all(all.map(one => one.look())), all.map(() => '[]')) // prettier-ignore
  await Promise.all(all.map(one => one.letGo()))
  t.equal(calls.names(mounted.point).filter(name => !name.includes('.')).length, 1)
  t.same(await mounted.end(), [])
  t.same(leftovers(layers), [], 'nothing is left of them')
}

t.test('25,000 of them, with 1,000 descriptors', t =>
  holdMany(t, { holders: 2, each: 12_500 }, 1000),
)

t.test('without passthrough', t =>
  holdMany(t, { holders: 1, each: 3000, options: ['passthrough=off'] }, 1000),
)

t.test('attributes of a lower FIFO that is open and removed', async t => {
  const layers = await makeStack({ lowers: [{ fifo: fifo({ mode: 0o644 }) }] })
  const mounted = await mountPlyfs(layers)
  const path = `${mounted.point}/fifo`
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
  fs.unlinkSync(path)
  fs.fchmodSync(fd, 0o600)
  fs.futimesSync(fd, 1, 2)
  t.match(fs.fstatSync(fd), { mode: 0o10600, mtimeMs: 2000 })
  t.notOk(calls.exists(path), 'it does not come back')
  fs.closeSync(fd)
  t.same(await mounted.end(), [])
  t.same(leftovers(layers), [])
})

t.test('a server that dies leaves them to the next mount', async t => {
  const layers = await makeStack({ lowers: [lowerTree(2000)] })
  const through = ['prlimit', '--nofile=800:800']
  const mounted = await mountPlyfs(layers, { through })
  const holder = new Holder(mounted.point, 0, 2000)
  t.equal(await holder.says(), 'held')
  for (const pid of mounted.pids().reverse()) process.kill(pid, 'SIGKILL')
  await holder.letGo()
  t.not((await mounted.end()).length, 0, 'it was killed')
  await run('umount', ['-l', mounted.point])
  t.ok(leftovers(layers).length > 500, `${leftovers(layers).length} are left`)
  const again = await mountPlyfs(layers)
  t.same(leftovers(layers), [])
  t.equal(calls.names(again.point).filter(name => !name.includes('.')).length, 0)
  t.same(await again.end(), [])
})

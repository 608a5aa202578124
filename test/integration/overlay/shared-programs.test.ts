// passthrough=programs: programs and shared libraries of a lower go past the server on writable mounts
// too. Nobody ever sees other data than on a mount without it; writing waits until they are closed.
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import { file } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const options = ['passthrough=programs']
const library = Buffer.concat([
  Buffer.from('\x7fELF', 'latin1'),
  Buffer.alloc(70_000, 'a'),
])
const layersOf = () =>
  makeStack({
    lowers: [
      {
        library: file(library.toString('latin1'), { mode: 0o755 }),
        text: file('not a program', { mode: 0o755 }),
      },
    ],
  })

async function backingIds(point: string): Promise<number> {
  const told = JSON.parse(await must(plyfsProgram(), ['stats', '--json', point])) as {
    readonly backingIds: number
  }
  return told.backingIds
}

const errnoOf = (act: () => unknown): string => calls.outcomeOf(act)

t.test('programs alone pass, and only where it is asked for', async t => {
  const layers = await layersOf()
  for (const [asked, expected] of [
    [options, 1],
    [['passthrough=on'], 0],
    [['passthrough=off'], 0],
  ] as const) {
    const mounted = await mountPlyfs(layers, { options: asked })
    const { point } = mounted
    for (const name of ['library', 'text']) {
      const fd = calls.open(`${point}/${name}`, C.O_RDONLY)
      t.equal(calls.read(fd, 4).toString(), name === 'text' ? 'not ' : '\x7fELF')
      calls.close(fd)
    }
    t.equal(await backingIds(point), expected, asked.join())
    t.same(await mounted.end(), [])
  }
})

t.test('who would write waits until it is closed', async t => {
  const layers = await layersOf()
  const mounted = await mountPlyfs(layers, { options })
  const path = `${mounted.point}/library`
  const fd = calls.open(path, C.O_RDONLY)
  for (const flags of [C.O_RDWR, C.O_WRONLY, C.O_WRONLY | C.O_TRUNC])
    t.match(
      errnoOf(() => calls.open(path, flags)),
      /ETXTBSY/,
      `open with ${flags}`,
    )
  t.match((await run('truncate', ['-s', '3', path])).stderr, /Text file busy/)
  t.ok(calls.readFile(path).equals(library), 'read by another')
  calls.close(fd)
  calls.withOpen(path, C.O_RDWR, writer => calls.pwrite(writer, 'WRITTEN', 10))
  t.equal(calls.readFile(path).toString('latin1', 8, 19), 'aaWRITTENaa')
  t.ok(
    fs.readFileSync(`${layers.lower[0]}/library`).equals(library),
    'below it is as before',
  )
  t.same(await mounted.end(), [])
})

t.test('its attributes may change meanwhile', async t => {
  const layers = await layersOf()
  const mounted = await mountPlyfs(layers, { options })
  const path = `${mounted.point}/library`
  const fd = calls.open(path, C.O_RDONLY)
  calls.chmod(path, 0o700)
  t.ok(fs.existsSync(`${layers.upper}/library`), 'which copies it up')
  t.equal(calls.fstat(fd).mode & 0o777, 0o700)
  t.ok(calls.pread(fd, library.length + 1, 0).equals(library), 'by the old descriptor')
  t.ok(calls.readFile(path).equals(library), 'by a new one')
  t.match(
    errnoOf(() => calls.open(path, C.O_RDWR)),
    /ETXTBSY/,
    'still open below',
  )
  calls.close(fd)
  calls.writeFile(path, 'all new')
  t.equal(calls.readText(path), 'all new')
  t.equal(fs.readFileSync(`${layers.upper}/library`, 'latin1'), 'all new')
  t.same(await mounted.end(), [])
})

t.test('it can be removed and replaced meanwhile', async t => {
  const layers = await layersOf()
  const mounted = await mountPlyfs(layers, { options })
  const path = `${mounted.point}/library`
  const fd = calls.open(path, C.O_RDONLY)
  calls.writeFile(`${mounted.point}/new`, 'the next version')
  calls.rename(`${mounted.point}/new`, path)
  t.equal(calls.readText(path), 'the next version')
  t.ok(calls.pread(fd, library.length + 1, 0).equals(library), 'who has it open keeps it')
  calls.close(fd)
  t.same(await mounted.end(), [])
})

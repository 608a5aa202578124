// Walks through trees of lower directories: what is read ahead of them is right, and what only a
// second look at a file tells is told when the file is used.
import * as calls from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import { describeTree, dir, file, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const WIDE = 6
const DEEP = 3

/** Directories in directories, with files between them. */
function nested(depth: number): Tree {
  const files = { a: file('a'), z: file('zz') }
  if (depth === 0) return files
  const below = Array.from({ length: WIDE }, (_, i) => [`d${i}`, dir(nested(depth - 1))])
  return { ...files, ...(Object.fromEntries(below) as Tree) }
}

interface Figures {
  readonly ahead: { readonly guessed: number; readonly right: number }
  readonly nodes: number
}

async function figuresOf(point: string): Promise<Figures> {
  return JSON.parse(await must(plyfsProgram(), ['stats', '--json', point])) as Figures
}

const walk = (point: string): string[] => [point, '-printf', '%m %n %s %b %i %P\\n']

t.test('depth first, the next directory is known before it is asked for', async t => {
  const layers = await makeStack({ lowers: [nested(DEEP), { other: dir() }] })
  const mounted = await mountPlyfs(layers)
  const seen = await must('find', walk(mounted.point))
  const directories = await must('find', [mounted.point, '-type', 'd'])
  t.equal(directories.split('\n').length - 1, 1 + 6 + 36 + 216 + 1)
  const { ahead } = await figuresOf(mounted.point)
  t.ok(ahead.guessed >= 250, `${ahead.guessed} of 260 directories guessed`)
  t.equal(ahead.right, ahead.guessed, 'every guess was right')
  t.same(await mounted.end(), [])

  const again = await mountPlyfs(layers)
  const listed = await must('ls', ['-lR', again.point])
  t.match(listed, /zz?/)
  const after = await must('find', walk(again.point))
  t.same(after.split('\n').sort(), seen.split('\n').sort(), 'as after ls -R')
  t.same(await again.end(), [])
})

t.test('an answer that was built for nothing leaves nothing behind', async t => {
  const layers = await makeStack({ lowers: [nested(2), { other: dir(nested(1)) }] })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  const isBelow = (name: string): boolean => /^(d\d|other)$/.test(name)
  const below = calls.listAll(point).filter(({ name }) => isBelow(name))
  // After the first, not the directory below, whose answer is there, but the one beside.
  for (const { name } of below.slice(0, 2)) calls.names(`${point}/${name}`)
  t.same((await figuresOf(point)).ahead, { guessed: 2, right: 1 })
  // A dentry that has just been used survives the first time.
  let nodes = Infinity
  for (let i = 0; i < 5 && nodes > 1; i++) {
    calls.writeFile('/proc/sys/vm/drop_caches', '2')
    nodes = (await figuresOf(point)).nodes
  }
  t.equal(nodes, 1, 'all that the kernel has forgotten is gone')
  t.same(await mounted.end(), [])
})

t.test('answers that are built ahead stop where a file needs a look', async t => {
  const many = Object.fromEntries(
    Array.from({ length: 700 }, (_, i) => [`name-${i}-${'n'.repeat(40)}`, file(`${i}`)]),
  )
  const several = (content: string): Tree => ({
    ...Object.fromEntries('abcdefgh'.split('').map(name => [name, file(name)])),
    both: dir({ [content]: file(content) }),
  })
  const layers = await makeStack({
    lowers: [
      { one: dir(several('upper')), two: dir(many), three: dir({ only: dir(many) }) },
      { one: dir(several('lower')), three: dir({ also: file('') }) },
    ],
  })
  const [top = ''] = layers.lower
  calls.link(`${top}/one/d`, `${top}/one/d-again`)
  calls.link(`${top}/one/a`, `${top}/one/a-again`)
  const namesBelow = async (point: string): Promise<string[]> =>
    (await must('find', [point, '-printf', '%P\n'])).split('\n').sort()
  const kernel = await mountOverlay(layers)
  const expected = describeTree(kernel.point)
  const names = await namesBelow(kernel.point)
  t.same(await kernel.end(), [])
  const { lower } = layers
  for (const how of [layers, { lower }]) {
    const mounted = await mountPlyfs(how)
    t.same(await namesBelow(mounted.point), names)
    t.ok((await figuresOf(mounted.point)).ahead.right > 2)
    t.same(describeTree(mounted.point), expected)
    t.same(await mounted.end(), [])
  }
})

t.test('what is changed during a walk is seen by it', async t => {
  const layers = await makeStack({ lowers: [nested(1), { other: dir() }] })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  const order = calls.names(point).filter(name => /^d\d$/.test(name))
  t.equal(order.length, WIDE)
  for (const name of order) {
    // The directory that was read ahead after the one before is changed before it is listed.
    calls.chmod(`${point}/${name}/a`, 0o600)
    calls.unlink(`${point}/${name}/z`)
    calls.writeFile(`${point}/${name}/new`, name)
    t.same(calls.names(`${point}/${name}`).sort(), ['a', 'new'], name)
    t.equal(calls.stat(`${point}/${name}/a`).mode & 0o777, 0o600)
  }
  t.same(await mounted.end(), [])
})

t.test('copies without data, listed before they are read', async t => {
  const data = 'data from below'
  const metacopy = {
    xattrs: { 'trusted.overlay.metacopy': '', 'trusted.overlay.redirect': '/below/f' },
  }
  const layers = await makeStack({
    lowers: [
      {
        d: dir({
          // As the kernel makes them: a size and no blocks.
          sparse: file('', { size: data.length, mode: 0o600, ...metacopy }),
          // Looks like any other file.
          full: file('not that at all', { mode: 0o640, ...metacopy }),
          plain: file('plain'),
        }),
      },
      { below: dir({ f: file(data) }), d: dir() },
      { last: file('') },
    ],
  })
  const kernel = await mountOverlay(layers, { options: ['metacopy=on'] })
  const expected = describeTree(kernel.point)
  t.same(await kernel.end(), [])
  for (const options of [[], ['ro']]) {
    const { lower } = layers
    const mounted = await mountPlyfs(options.length > 0 ? { lower } : layers, { options })
    await must('find', walk(mounted.point))
    t.equal(calls.readText(`${mounted.point}/d/sparse`), data)
    t.equal(calls.readText(`${mounted.point}/d/plain`), 'plain')
    t.equal(calls.readText(`${mounted.point}/d/full`), data)
    t.same(describeTree(mounted.point), expected)
    t.same(await mounted.end(), [])
  }
})

t.test('with a timeout, attributes are no older than it', async t => {
  const layers = await makeStack({ lowers: [nested(1), { other: dir() }] })
  const mounted = await mountPlyfs(layers, { options: ['timeout=60'] })
  const order = calls.names(mounted.point).filter(name => /^d\d$/.test(name))
  t.equal(order.length, WIDE)
  for (const name of order) {
    // The end of the listing before has foretold this one.
    calls.writeFile(`${layers.lower[0] ?? ''}/${name}/a`, 'longer than before')
    const seen = await must('find', walk(`${mounted.point}/${name}`))
    t.match(seen, / 18 \d+ \d+ a\n/, name)
  }
  t.same(await mounted.end(), [])
})

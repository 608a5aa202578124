// Layers that the kernel's overlayfs wrote, in every form it knows, are read as the kernel reads
// them: as an upper again, and as lowers of another overlay.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { baseTree, makeChanges, renamesDirectory } from '../../helpers/changes.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Layers } from '../../helpers/mounted.js'
import { anotherUpper, makeStack, type WritableLayers } from '../../helpers/stack.js'
import {
  describeTree,
  dir,
  file,
  makeTree,
  symlink,
  type Tree,
} from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const disk = (await sharedFilesystem('ext4')).root

/** What both show of the same layers, read-only. */
async function compare(
  t: typeof import('tap').t | import('tap').Test,
  lower: readonly string[],
  options: {
    readonly kernel?: readonly string[]
    readonly plyfs?: readonly string[]
  } = {},
): Promise<string[]> {
  const layers: Layers = { lower }
  const kernel = await mountOverlay(layers, { options: options.kernel ?? ['xino=on'] })
  const expected = describeTree(kernel.point, { times: true })
  t.same(await kernel.end(), [])
  const plyfs = await mountPlyfs(layers, { options: options.plyfs ?? [] })
  const actual = describeTree(plyfs.point, { times: true })
  t.same(actual, expected, 'plyfs shows what the kernel shows')
  t.same(await plyfs.end(), [])
  return expected
}

/** Makes all changes through the kernel with these options. */
async function written(
  options: readonly string[],
  omit?: (name: string) => boolean,
): Promise<WritableLayers> {
  const layers = await makeStack({ lowers: [baseTree()] })
  const kernel = await mountOverlay(layers, { options })
  makeChanges(kernel.point, omit)
  await kernel.end()
  return layers
}

t.test(
  'an upper with redirects, opaque directories and whiteouts as a lower',
  async t => {
    const { upper, lower } = await written(['redirect_dir=on', 'index=on', 'xino=on'])
    await compare(t, [upper, ...lower])
  },
)

t.test('two such uppers over each other', async t => {
  const one = await written(['redirect_dir=on', 'index=on'])
  const stacked = await makeStack({ lowers: [] })
  const layers = { ...stacked, lower: [one.upper, ...one.lower] }
  const kernel = await mountOverlay(layers, { options: ['redirect_dir=on', 'index=off'] })
  for (const name of calls.names(kernel.point)) {
    calls.rename(`${kernel.point}/${name}`, `${kernel.point}/again-${name}`)
    calls.mkdir(`${kernel.point}/${name}`)
  }
  calls.removeTree(`${kernel.point}/again-house-rename-twice`)
  t.same(await kernel.end(), [])
  await compare(t, [layers.upper, one.upper, ...one.lower])
})

t.test('metadata-only copies', async t => {
  const layers = await written(['redirect_dir=on', 'metacopy=on', 'index=on'])
  await compare(t, [layers.upper, ...layers.lower], { kernel: ['metacopy=on'] })
  const mounted = await mountPlyfs(layers)
  const file = `${mounted.point}/house-chmod/a`
  t.equal(calls.readText(file), 'a of the house', 'data of a copy without data')
  calls.withOpen(file, C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, ', and more'))
  t.equal(calls.readText(file), 'a of the house, and more')
  t.equal(calls.stat(file).mode & 0o777, 0o604)
  t.same(await mounted.end(), [])
  t.equal(calls.readText(`${layers.upper}/house-chmod/a`), 'a of the house, and more')
  t.same(
    calls
      .listxattr(`${layers.upper}/house-chmod/a`)
      .filter(name => name.includes('metacopy')),
    [],
    'the copy is whole now',
  )
})

t.test('metadata-only copies of renamed files', async t => {
  const layers = await makeStack({
    lowers: [{ d: dir({ f: file('data of f') }), o: dir() }],
  })
  const kernel = await mountOverlay(layers, {
    options: ['redirect_dir=on', 'metacopy=on'],
  })
  calls.chmod(`${kernel.point}/d/f`, 0o600)
  calls.rename(`${kernel.point}/d/f`, `${kernel.point}/o/g`)
  calls.rename(`${kernel.point}/d`, `${kernel.point}/e`)
  t.same(await kernel.end(), [])
  await compare(t, [layers.upper, ...layers.lower], { kernel: ['metacopy=on'] })
})

t.test('metadata-only copies in a lower that are truncated', async t => {
  for (const change of [
    (file: string) => calls.writeFile(file, 'new'),
    (file: string) => calls.truncate(file, 3),
    (file: string) => calls.truncate(file, 0),
  ]) {
    const below = await makeStack({ lowers: [{ d: dir({ f: file('data of f') }) }] })
    const kernel = await mountOverlay(below, { options: ['metacopy=on'] })
    calls.chmod(`${kernel.point}/d/f`, 0o600)
    t.same(await kernel.end(), [])
    const layers = await anotherUpper({ lower: [below.upper, ...below.lower] })
    const mounted = await mountPlyfs(layers)
    change(`${mounted.point}/d/f`)
    const text = calls.readText(`${mounted.point}/d/f`)
    t.ok(['new', 'dat', ''].includes(text), text)
    t.same(await mounted.end(), [])
    t.equal(calls.readText(`${layers.upper}/d/f`), text, 'in the upper')
    t.equal(calls.readText(`${below.lower[0]}/d/f`), 'data of f', 'the lower')
  }
})

t.test('an overlay with attributes of the user class', async t => {
  const layers = await written(['userxattr'], renamesDirectory)
  await compare(t, [layers.upper, ...layers.lower], {
    kernel: ['userxattr'],
    plyfs: ['userxattr'],
  })
})

t.test('data-only layers', async t => {
  const data = freshDirectory(disk, 'data')
  const hidden = freshDirectory(disk, 'data')
  const top = freshDirectory(disk, 'top')
  makeTree(data, { objects: dir({ one: file('object one'), two: file('object two') }) })
  makeTree(hidden, {
    objects: dir({ two: file('hidden by the first'), three: file('3') }),
  })
  makeTree(top, {
    plain: file('of the layer'),
    d: dir({ one: file('', { size: 10, mode: 0o600, xattrs: object('/objects/one') }) }),
    two: file('', { size: 10, xattrs: object('/objects/two') }),
    three: file('', { size: 1, xattrs: object('/objects/three') }),
  })
  const other = freshDirectory(disk, 'other')
  makeTree(other, { plain: file('below'), more: file('more') })
  const lower = [`${top}:${other}::${data}::${hidden}`]
  const lines = await compare(t, lower, { kernel: ['metacopy=on'] })
  t.match(lines.join('\n'), /one -0600 0:0 10 "object one"/)
  t.notMatch(lines.join('\n'), /objects/, 'names of data layers do not show')
})

function object(path: string): Record<string, string> {
  return { 'trusted.overlay.metacopy': '', 'trusted.overlay.redirect': path }
}

t.test('whiteouts as attributes', async t => {
  const bottom = freshDirectory(disk, 'bottom')
  const top = freshDirectory(disk, 'top')
  makeTree(bottom, {
    d: dir({ gone: file('x'), kept: file('y'), tree: dir({ z: file('z') }) }),
  })
  const whiteout = { xattrs: { 'trusted.overlay.whiteout': 'y' } }
  makeTree(top, {
    d: dir({ gone: file('', whiteout), tree: file('', whiteout), new: file('n') }, { xattrs: { 'trusted.overlay.opaque': 'x' } }), // prettier-ignore
  })
  const lines = await compare(t, [top, bottom])
  t.notMatch(lines.join('\n'), /\/gone/)
})

t.test('opaque directories, and what an opaque value means', async t => {
  const bottom = freshDirectory(disk, 'bottom')
  const middle = freshDirectory(disk, 'middle')
  const top = freshDirectory(disk, 'top')
  const all = ['y', 'n', 'x', 'yes', ''].map((value, i) => [`d${i}`, value] as const)
  makeTree(
    bottom,
    Object.fromEntries(all.map(([name]) => [name, dir({ low: file('l') })])),
  )
  makeTree(
    middle,
    Object.fromEntries(
      all.map(([name, value]) => [
        name,
        dir({ mid: file('m') }, { xattrs: { 'trusted.overlay.opaque': value } }),
      ]),
    ),
  )
  makeTree(top, Object.fromEntries(all.map(([name]) => [name, dir({ high: file('h') })])))
  await compare(t, [top, middle, bottom])
})

t.test('redirects that lead nowhere, or where they must not', async t => {
  const bottom = freshDirectory(disk, 'bottom')
  const top = freshDirectory(disk, 'top')
  makeTree(bottom, {
    target: dir({ x: file('x') }),
    file: file('no directory'),
    l: symlink('target'),
  })
  const to = (value: string): Tree[string] => dir({ own: file('o') }, { xattrs: { 'trusted.overlay.redirect': value } }) // prettier-ignore
  makeTree(top, {
    absolute: to('/target'),
    sibling: to('target'),
    nowhere: to('/nothing/here'),
    'to-file': to('/file'),
    'to-link': to('/l'),
    'deep-nowhere': to('/file/x'),
  })
  await compare(t, [top, bottom], { kernel: ['redirect_dir=follow'] })
  const nofollow = { kernel: ['redirect_dir=nofollow'], plyfs: ['redirect_dir=nofollow'] }
  const layers: Layers = { lower: [top, bottom] }
  const kernel = await mountOverlay(layers, { options: nofollow.kernel })
  const plyfs = await mountPlyfs(layers, { options: nofollow.plyfs })
  for (const name of calls.names(kernel.point)) {
    t.equal(
      outcome(`${plyfs.point}/${name}`),
      outcome(`${kernel.point}/${name}`),
      `${name} when redirects are not followed`,
    )
  }
  t.same(await kernel.end(), [])
  t.same(await plyfs.end(), [])
})

/** The names in a directory, or why it cannot be listed. */
function outcome(path: string): string {
  try {
    return calls.names(path).join(' ')
  } catch (error) {
    return error instanceof calls.CallError ? error.code : String(error)
  }
}

t.test('kinds that hide each other', async t => {
  const layers = ['one', 'two', 'three'].map(name => freshDirectory(disk, name))
  const [one = '', two = '', three = ''] = layers
  makeTree(three, {
    a: dir({ low: file('l') }),
    b: file('file below'),
    c: dir({ low: file('l') }),
    d: symlink('a'),
    e: dir({ low: file('l') }),
  })
  makeTree(two, {
    a: file('hides a directory'),
    b: dir({ mid: file('m') }),
    d: dir({ mid: file('m') }),
  })
  makeTree(one, {
    a: dir({ high: file('h') }),
    b: dir({ high: file('h') }),
    e: symlink('c'),
    d: dir(),
  })
  calls.mknod(`${two}/c`, C.S_IFCHR, 0, 0)
  calls.mkdir(`${one}/c`)
  calls.mknod(`${one}/never`, C.S_IFCHR, 0, 0)
  await compare(t, layers)
})

// Layers on whatever filesystem has what a layer needs, at whatever depth they lie.
import type { Test } from 'tap'
import * as fs from 'node:fs'
import * as path from 'node:path'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { baseTree, makeChanges } from '../../helpers/changes.js'
import {
  freshDirectory,
  makeFilesystem,
  sharedFilesystem,
  type Kind,
} from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { mountPlyfs, type Layers } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import { describeTree, dir, file, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const disk = (await sharedFilesystem('ext4')).root
const plain = freshDirectory(disk, 'plain')
makeTree(plain, baseTree())
const untouched = view(plain)
makeChanges(plain)
const changed = view(plain)

function view(base: string): string[] {
  return describeTree(base).slice(1)
}

async function works(t: Test, layers: Layers, links = true): Promise<void> {
  const keep = (lines: readonly string[]): string[] =>
    lines.filter(line => links || !line.startsWith('./twins-'))
  const first = await mountPlyfs(layers)
  t.same(keep(view(first.point)), keep(untouched), 'before')
  makeChanges(first.point)
  t.same(keep(view(first.point)), keep(changed), 'after the changes')
  t.same(await first.end(), [])
  const again = await mountPlyfs(layers)
  t.same(keep(view(again.point)), keep(changed), 'after a remount')
  t.same(await again.end(), [])
}

for (const [kind, lowerKind] of [
  ['btrfs', 'btrfs'],
  ['tmpfs', 'tmpfs'],
  ['ext4', 'tmpfs'],
  ['tmpfs', 'ext4'],
  ['btrfs', 'xfs'],
] as const satisfies readonly (readonly [Kind, Kind])[]) {
  t.test(`an upper on ${kind} over ${lowerKind}`, async t => {
    const layers = await makeStack({ lowers: [baseTree()], kind, lowerKind })
    await works(t, layers)
  })
}

t.test('lowers on squashfs', async t => {
  const source = freshDirectory(disk, 'source')
  makeTree(source, baseTree())
  const image = path.join(scratch(), 'image.squashfs')
  await must('mksquashfs', [source, image, '-quiet', '-no-progress', '-comp', 'gzip'])
  const at = freshDirectory(scratch(), 'squashfs')
  await must('mount', ['-t', 'squashfs', '-o', 'loop,ro', image, at])
  const above = await makeStack({ lowers: [] })
  // squashfs keeps whole seconds.
  await works(t, { ...above, lower: [at] }, false)
})

t.test(
  'a lower that is mounted read-only, and an upper whose filesystem is nearly new',
  async t => {
    const { root } = await makeFilesystem('xfs')
    const lower = freshDirectory(root, 'lower')
    makeTree(lower, baseTree())
    await must('mount', ['-o', 'remount,ro', root])
    const above = await makeStack({ lowers: [], kind: 'ext4' })
    await works(t, { ...above, lower: [lower] })
  },
)

t.test('a lower that holds a mount: what is mounted there does not show', async t => {
  const layers = await makeStack({
    lowers: [{ d: dir({ below: file('b') }), f: file('f') }],
  })
  await must('mount', ['-t', 'tmpfs', 'tmpfs', `${layers.lower[0]}/d`])
  fs.writeFileSync(`${layers.lower[0]}/d/mounted`, '')
  const mounted = await mountPlyfs(layers)
  t.same(calls.names(`${mounted.point}/d`), ['below'], "as in the kernel's private clone")
  calls.writeFile(`${mounted.point}/d/new`, 'n')
  t.same(calls.names(`${mounted.point}/d`), ['below', 'new'])
  t.same(await mounted.end(), [])
  await must('umount', [`${layers.lower[0]}/d`])
})

t.test('layers whose own path is long, and paths of 4095 bytes on the mount', async t => {
  const long = Array.from({ length: 12 }, (_, i) => `${i}`.padEnd(250, 'l'))
  const make = (name: string): string => {
    let at = freshDirectory(disk, name)
    for (const part of long) {
      at = `${at}/${part}`
      fs.mkdirSync(at)
    }
    return at
  }
  const layers: Required<Layers> = {
    lower: [make('lower')],
    upper: make('upper'),
    work: make('work'),
  }
  const [lower = ''] = layers.lower
  t.ok(lower.length > 3000, `a layer at ${lower.length} bytes`)
  makeTree(lower, { d: dir({ a: file('a') }) })
  const mounted = await mountPlyfs(layers)
  const { point } = mounted
  const parts: string[] = [point, 'd']
  while (parts.join('/').length + 201 < 4090) parts.push('p'.repeat(200))
  for (let i = 3; i <= parts.length; i++) calls.mkdir(parts.slice(0, i).join('/'))
  const rest = 4095 - parts.join('/').length - 1
  const deepest = [...parts, 'f'.repeat(Math.min(rest, 255))].join('/')
  calls.writeFile(deepest, 'deep')
  t.equal(calls.readText(deepest), 'deep', `a path of ${deepest.length} bytes`)
  calls.rename(deepest, `${point}/up`)
  calls.rename(`${point}/d/${'p'.repeat(200)}`, `${point}/moved`)
  calls.rename(`${point}/up`, [point, 'moved', ...parts.slice(3), 'down'].join('/'))
  t.equal(calls.readText([point, 'moved', ...parts.slice(3), 'down'].join('/')), 'deep')
  t.same(await mounted.end(), [])
  const again = await mountPlyfs(layers)
  t.equal(
    calls.readText([again.point, 'moved', ...parts.slice(3), 'down'].join('/')),
    'deep',
  )
  t.same(await again.end(), [])
})

t.test('lower files below lower paths beyond PATH_MAX', async t => {
  const lower = freshDirectory(disk, 'lower')
  const name = 'x'.repeat(250)
  let fd = calls.open(lower, C.O_RDONLY | C.O_DIRECTORY)
  for (let i = 0; i < 25; i++) {
    calls.mkdir([fd, name])
    const next = calls.open([fd, name], C.O_RDONLY | C.O_DIRECTORY)
    calls.close(fd)
    fd = next
  }
  calls.writeFile([fd, 'bottom'], 'deep')
  calls.close(fd)
  const above = await makeStack({ lowers: [] })
  const mounted = await mountPlyfs({ ...above, lower: [lower] })
  fd = calls.open(mounted.point, C.O_RDONLY | C.O_DIRECTORY)
  for (let i = 0; i < 25; i++) {
    const next = calls.open([fd, name], C.O_RDONLY | C.O_DIRECTORY)
    calls.close(fd)
    fd = next
  }
  t.equal(calls.readFile([fd, 'bottom']).toString(), 'deep')
  calls.writeFile([fd, 'bottom'], 'changed')
  calls.chmod([fd, 'bottom'], 0o600)
  t.equal(calls.readFile([fd, 'bottom']).toString(), 'changed', 'copied up at that depth')
  calls.rename([fd, 'bottom'], `${mounted.point}/bottom`)
  calls.close(fd)
  calls.rename(`${mounted.point}/${name}`, `${mounted.point}/moved`)
  t.equal(calls.readText(`${mounted.point}/bottom`), 'changed')
  const removed = await run('rm', ['-r', `${mounted.point}/moved`])
  t.match(removed, { status: 0, stderr: '' }, 'rm -r of the deep tree')
  t.same(calls.names(mounted.point), ['bottom'])
  t.same(await mounted.end(), [])
})

t.test('500 lowers, merged', async t => {
  const lowers = Array.from({ length: 500 }, (_, i) => ({
    d: dir({ [`f${i}`]: file(`of ${i}`), same: file(`same of ${i}`) }),
    [`top${i}`]: file(''),
  }))
  const layers = await makeStack({ lowers })
  const mounted = await mountPlyfs(layers, { limit: 60_000 })
  const { point } = mounted
  t.equal(calls.names(`${point}/d`).length, 501)
  t.equal(calls.names(point).length, 501)
  t.equal(calls.readText(`${point}/d/f499`), 'of 499')
  t.equal(calls.readText(`${point}/d/same`), 'same of 0')
  calls.writeFile(`${point}/d/f250`, 'changed')
  calls.unlink(`${point}/d/same`)
  calls.rename(`${point}/d`, `${point}/e`)
  t.equal(calls.names(`${point}/e`).length, 500)
  t.same(await mounted.end(), [])
  const again = await mountPlyfs(layers, { limit: 60_000 })
  t.equal(calls.names(`${again.point}/e`).length, 500)
  t.equal(calls.readText(`${again.point}/e/f250`), 'changed')
  t.same(await again.end(), [])
})

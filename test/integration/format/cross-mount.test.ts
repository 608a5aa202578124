// One upper, mounted in turn by kernel overlayfs and by plyfs: each goes on where the other left
// off. A plain directory with the same changes says what is right at every step.
import type { Test } from 'tap'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { baseTree, makeChanges } from '../../helpers/changes.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { describeTree, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

type Mount = (layers: WritableLayers) => Promise<Mounted>
const kernel: Mount = layers => mountOverlay(layers)
const plyfs: Mount = layers => mountPlyfs(layers)

/** Changes everything that is there once more: every file, every directory, every top name. */
function secondRound(base: string): void {
  const walk = (path: string): void => {
    const { mode } = calls.lstat(path)
    if ((mode & C.S_IFMT) === C.S_IFREG) {
      calls.withOpen(path, C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, ' again'))
    }
    if ((mode & C.S_IFMT) !== C.S_IFDIR) return
    for (const name of calls.names(path)) walk(`${path}/${name}`)
    calls.writeFile(`${path}/second-round`, path.slice(base.length))
    calls.chmod(path, 0o750)
  }
  for (const name of calls.names(base)) {
    walk(`${base}/${name}`)
    calls.rename(`${base}/${name}`, `${base}/2-${name}`)
  }
}

/** Removes half of what is there, and gives names that were removed a new meaning. */
function thirdRound(base: string): void {
  calls.names(base).forEach((name, i) => {
    if (i % 2 === 0) calls.removeTree(`${base}/${name}`)
    if (i % 4 === 0) calls.mkdir(`${base}/${name}`)
    if (i % 4 === 2) calls.writeFile(`${base}/${name}`, 'a file in its place')
  })
}

const ROUNDS = [makeChanges, secondRound, thirdRound] as const

async function alternate(t: Test, order: readonly Mount[]): Promise<void> {
  const plain = freshDirectory((await sharedFilesystem('ext4')).root, 'plain')
  makeTree(plain, baseTree())
  const layers = await makeStack({ lowers: [baseTree()] })
  const lower = describeTree(layers.lower[0] ?? '', { times: true })
  for (const [i, round] of ROUNDS.entries()) {
    const mount = order[i % order.length] ?? kernel
    const mounted = await mount(layers)
    t.same(
      tops(mounted.point),
      tops(plain),
      `${mounted.kind} shows what is right before round ${i}`,
    )
    round(plain)
    round(mounted.point)
    t.same(
      tops(mounted.point),
      tops(plain),
      `${mounted.kind} shows what is right after round ${i}`,
    )
    t.same(await mounted.end(), [])
  }
  for (const mount of [kernel, plyfs]) {
    const mounted = await mount(layers)
    t.same(
      tops(mounted.point),
      tops(plain),
      `${mounted.kind} shows what is right at the end`,
    )
    calls
      .names(mounted.point)
      .forEach(name => calls.removeTree(`${mounted.point}/${name}`))
    t.same(calls.names(mounted.point), [])
    calls.names(plain).forEach(name => calls.removeTree(`${plain}/${name}`))
    t.same(await mounted.end(), [])
  }
  t.same(
    describeTree(layers.lower[0] ?? '', { times: true }),
    lower,
    'the lower is unchanged',
  )
}

/** Everything below a mount point; the top itself is another directory in each. */
function tops(base: string): string[] {
  return describeTree(base).slice(1)
}

t.test('the kernel first', t => alternate(t, [kernel, plyfs]))
t.test('plyfs first', t => alternate(t, [plyfs, kernel]))
t.test('plyfs alone', t => alternate(t, [plyfs]))

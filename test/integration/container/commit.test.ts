// A commit holds what the container changed, whatever shows its root: unpacked by umoci it is the
// container's tree, and podman and skopeo take it.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { makeFilesystem } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink } from '../../helpers/make-tar.js'
import { must } from '../../helpers/run.js'
import { describeTree } from '../../helpers/tree.js'
import { namesOfOneFile } from '../../helpers/whole-tree.js'
import { podmanStorage, tool } from '../image/verbs.js'
import { loadBox, ok, placeStore, plyfs, storeRoot } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

/** Two drivers need a disk of their kind. */
const DRIVERS = [
  ['plyfs', 'ext4'],
  ['overlay2', 'ext4'],
  ['aufs', 'ext4'],
  ['vfs', 'ext4'],
  ['btrfs', 'btrfs'],
  ['block', 'xfs'],
] as const

const IMAGE = [
  directory('d/'),
  directory('d/sub/'),
  file('d/sub/f', 'below a directory that moves\n'),
  file('one', 'a line\n'),
  hardlink('two', 'one'),
  directory('names/'),
  directory('names/of/'),
  hardlink('names/of/three', 'one'),
  hardlink('d/four', 'one'),
  file('large', 'l'.repeat(3_000_000)),
  directory('gone/'),
  file('gone/f', ''),
  hardlink('gone/five', 'one'),
  directory('again/'),
  file('again/old', ''),
  file('removed', ''),
  directory('kept/'),
  file('kept/whole', 'is not in the layer\n'),
  hardlink('kept/as-one', 'kept/whole'),
  directory('marked/'),
]

const CHANGES = [
  'mv /d /moved',
  'echo more >> /one',
  'chmod 600 /large',
  'rm -r /gone; echo file > /gone',
  'rm -r /again; mkdir /again; echo new > /again/new',
  'rm /removed',
  'mkdir /added; echo x > /added/x; ln /added/x /added/y',
].join('; ')

const XATTRS = ['--xattrs', '--xattrs-include=*']

const stores = new Map<string, string>()

/** The store on a disk of this kind, with the image; it becomes the one that verbs are about. */
async function openStore(kind: 'ext4' | 'xfs' | 'btrfs'): Promise<void> {
  const known = stores.get(kind)
  const folder =
    known ?? (kind === 'ext4' ? scratch() : (await makeFilesystem(kind)).root)
  placeStore(folder)
  if (known !== undefined) return
  stores.set(kind, folder)
  await loadBox('tree:1', IMAGE)
}

/** What a container sees, but for what is mounted in it and the places of that. */
async function mergedTree(id: string, folder: string): Promise<string> {
  fs.mkdirSync(folder)
  await must('sh', [
    '-c',
    'tar -C "/proc/$1/root" --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./etc --xattrs -cf - . | tar -C "$2" --xattrs --xattrs-include="*" -xpf -',
    'sh',
    await ok('inspect', '-f', '{{.State.Pid}}', id),
    folder,
  ])
  return folder
}

/** What there is at every path, and which of them are one file. */
function describe(tree: string): string[] {
  return [...describeTree(tree), ...namesOfOneFile(tree)]
}

/** The names in the tar of an image's topmost layer. */
async function namesInLayer(image: string): Promise<string[]> {
  const [inspected] = JSON.parse(await ok('inspect', image)) as {
    RootFS: { Layers: string[] }
  }[]
  const folder = path.join(scratch(), 'saved')
  fs.mkdirSync(folder)
  const saved = path.join(folder, 'image.tar')
  await ok('save', '-q', '-o', saved, image)
  await must('tar', ['-C', folder, '-xf', saved])
  const layer = inspected?.RootFS.Layers.at(-1)?.replace('sha256:', '') ?? ''
  const tar = path.join(folder, `${layer}.tar`)
  const names = await must('tar', ['-tf', tar])
  fs.rmSync(folder, { recursive: true })
  return names.trimEnd().split('\n')
}

for (const [driver, kind] of DRIVERS)
  t.test(`${driver}: the commit, unpacked by umoci, is the container’s tree`, async t => {
    await openStore(kind)
    const folder = path.join(scratch(), driver)
    fs.mkdirSync(folder)
    const words = `${CHANGES}; echo done; sleep 1000`
    const id = await ok('run', '-d', '--driver', driver, 'tree:1', 'sh', '-c', words)
    while (!(await ok('logs', id)).includes('done'));
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', id)
    await must('setfattr', ['-n', 'user.mark', '-v', 'new', `/proc/${pid}/root/marked`])
    const settings = ['-a', 'Me', '-m', 'changed', '-c', 'ENV A=1']
    const name = `committed:${driver}`
    const command = ['-c', 'CMD ["cat", "/one"]']
    const image = await ok('commit', ...settings, ...command, id, name)
    t.match(image, /^sha256:/)
    const merged = await mergedTree(id, path.join(folder, 'merged'))
    const bundle = path.join(folder, 'bundle')
    const inStore = `${storeRoot()}:docker.io/library/${name}`
    await must('umoci', ['unpack', '--image', inStore, bundle], { limit: 60_000 })
    t.same(describe(path.join(bundle, 'rootfs')), describe(merged))
    const names = await namesInLayer(name)
    t.ok(names.includes('.wh.d') && names.includes('moved/sub/f'), 'a moved directory')
    t.notOk(
      names.some(one => /kept|bin/.test(one)),
      'what is unchanged is not in the layer',
      { names },
    )
    t.match(JSON.parse(await ok('inspect', name)), [
      {
        Author: 'Me',
        Comment: 'changed',
        Config: { Env: ['A=1'], Cmd: ['cat', '/one'] },
      },
    ])
    const changes = (await ok('diff', id)).split('\n')
    for (const line of ['D /d', 'A /moved/sub/f', 'C /one', 'C /two', 'C /large'])
      if (driver !== 'aufs' || line !== 'C /two')
        t.ok(changes.includes(line), line, { changes })
    t.notOk(changes.some(line => /kept|bin/.test(line)))
    const tar = path.join(folder, 'export.tar')
    await ok('export', '-o', tar, id)
    const exported = path.join(folder, 'exported')
    fs.mkdirSync(exported)
    const without = ['proc', 'sys', 'dev', 'etc'].map(one => `--exclude=${one}`)
    await must('tar', ['-C', exported, '--anchored', ...without, ...XATTRS, '-xpf', tar])
    t.same(describe(exported), describe(merged), 'the export is the same')
    await ok('rm', '-f', id)
    t.equal(
      await ok('run', '--rm', '--driver', driver, name),
      'a line\nmore',
      'and runs again',
    )
    await loadsElsewhere(t, name, image, folder)
  })

async function loadsElsewhere(
  t: Test,
  name: string,
  id: string,
  folder: string,
): Promise<void> {
  const saved = path.join(folder, 'saved.tar')
  await ok('save', '-q', '-o', saved, name)
  const own = podmanStorage(folder)
  await tool('podman', ['load', '-q', '-i', saved], own)
  const ids = await tool('podman', ['images', '-q', '--no-trunc'], own)
  t.equal(ids.trim(), id, 'podman has it by the same ID')
  const copied = path.join(folder, 'skopeo')
  const from = `oci:${storeRoot()}:docker.io/library/${name}`
  await tool('skopeo', ['copy', '-q', from, `dir:${copied}`])
  const config = fs.readFileSync(path.join(copied, id.replace('sha256:', '')))
  t.match(JSON.parse(config.toString()), { author: 'Me' }, 'skopeo copies it')
  await tool('podman', ['rmi', '-f', id], own)
  fs.rmSync(folder, { recursive: true })
}

t.test('a wrong change is refused, and a name needs no digest', async t => {
  await openStore('ext4')
  const id = await ok('create', 'tree:1', 'true')
  t.match(await plyfs('commit', '-c', 'NOPE x', id), { status: 1, stderr: /NOPE/ })
  await ok('rm', id)
})

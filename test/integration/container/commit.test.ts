// A commit holds what the container changed: unpacked by umoci it is the container's tree.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink } from '../../helpers/make-tar.js'
import { must } from '../../helpers/run.js'
import { describeTree } from '../../helpers/tree.js'
import { loadBox, ok, plyfs, storeRoot } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadBox('tree:1', [
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
])

const CHANGES = [
  'mv /d /moved',
  'echo more >> /one',
  'chmod 600 /large',
  'rm -r /gone; echo file > /gone',
  'rm -r /again; mkdir /again; echo new > /again/new',
  'rm /removed',
  'mkdir /added; echo x > /added/x; ln /added/x /added/y',
].join('; ')

t.test('the commit, unpacked by umoci, is the container’s tree', async t => {
  const id = await ok(
    'run',
    '-d',
    'tree:1',
    'sh',
    '-c',
    `${CHANGES}; echo done; sleep 1000`,
  )
  while (!(await ok('logs', id)).includes('done'));
  const image = await ok(
    ...([
      'commit',
      '-a',
      'Me',
      '-m',
      'changed',
      '-c',
      'ENV A=1',
      '-c',
      'CMD ["cat", "/one"]',
    ] as const),
    id,
    'committed:1',
  )
  t.match(image, /^sha256:/)
  const merged = path.join(scratch(), 'merged')
  fs.mkdirSync(merged)
  await must('sh', [
    '-c',
    'tar -C "/proc/$1/root" --exclude=./proc --exclude=./sys --exclude=./dev --exclude=./etc -cf - . | tar -C "$2" -xpf -',
    'sh',
    await ok('inspect', '-f', '{{.State.Pid}}', id),
    merged,
  ])
  const bundle = path.join(scratch(), 'bundle')
  const name = `${storeRoot()}:docker.io/library/committed:1`
  await must('umoci', ['unpack', '--image', name, bundle], { limit: 60_000 })
  t.same(describeTree(path.join(bundle, 'rootfs')), describeTree(merged))
  t.match(JSON.parse(await ok('inspect', 'committed:1')), [
    { Author: 'Me', Comment: 'changed', Config: { Env: ['A=1'], Cmd: ['cat', '/one'] } },
  ])
  await ok('rm', '-f', id)
  t.equal(await ok('run', '--rm', 'committed:1'), 'a line\nmore')
})

t.test('a wrong change is refused, and a name needs no digest', async t => {
  const id = await ok('create', 'tree:1', 'true')
  t.match(await plyfs('commit', '-c', 'NOPE x', id), { status: 1, stderr: /NOPE/ })
  await ok('rm', id)
})

// Attributes of fuse-overlayfs's own on disk, beside whiteouts and owners: the path that a file was
// copied from, and `security.` attributes stored under `user.containers.override_`.
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { freshDirectory, sharedFilesystem } from '../../helpers/images.js'
import { isolated } from '../../helpers/isolated.js'
import {
  mountFuseOverlayfs,
  mountPlyfs,
  type Layers,
  type Mounted,
  type MountOptions,
} from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { makeStack } from '../../helpers/stack.js'
import { dir, file, hardlink, makeTree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const disk = (await sharedFilesystem('ext4')).root
const ORIGIN = 'user.fuseoverlayfs.origin'
/** cap_net_raw=ep, as setcap writes it. */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex')

function ours(layers: Layers, how: MountOptions = {}): Promise<Mounted> {
  return mountPlyfs(layers, { argv0: 'fuse-overlayfs', ...how })
}

function ino(place: string): string {
  return String(calls.lstat(place).ino)
}

function attribute(place: string, name: string): string | null {
  try {
    return calls.getxattr(place, name).toString('latin1')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENODATA') return null
    throw error
  }
}

t.test('the origin keeps inode numbers, whoever copied the file up', async t => {
  for (const writer of [mountFuseOverlayfs, ours]) {
    const layers = await makeStack({
      lowers: [{ a: dir({ deep: dir({ f: file('f') }) }), top: file('top') }],
    })
    const [lower = ''] = layers.lower
    const mounted = await writer(layers)
    const { kind } = mounted
    calls.chmod(`${mounted.point}/a/deep/f`, 0o600)
    calls.chmod(`${mounted.point}/top`, 0o600)
    calls.rename(`${mounted.point}/top`, `${mounted.point}/a/moved`)
    calls.writeFile(`${mounted.point}/made`, 'made')
    t.same(await mounted.end(), [])
    const { upper } = layers
    t.equal(attribute(`${upper}/a/deep/f`, ORIGIN), 'a/deep/f\0', `${kind} writes a path`)
    t.equal(attribute(`${upper}/a/moved`, ORIGIN), 'top\0', 'of the lower file')
    t.equal(attribute(`${upper}/made`, ORIGIN), null)
    t.equal(attribute(`${upper}/a`, ORIGIN), null, 'directories have none')
    for (const reader of [mountFuseOverlayfs, ours]) {
      const again = await reader(layers)
      const told = `${again.kind} shows the number of what ${kind} copied up`
      t.equal(ino(`${again.point}/a/deep/f`), ino(`${lower}/a/deep/f`), told)
      t.equal(ino(`${again.point}/a/moved`), ino(`${lower}/top`), `${told} and moved`)
      t.same(
        calls.listxattr(`${again.point}/a/moved`),
        [],
        'and the origin does not show',
      )
      t.same(await again.end(), [])
    }
  }
})

t.test('the origin is looked for in every lower, and never outside', async t => {
  const layers = await makeStack({
    lowers: [{ other: file('o') }, { f: file('f'), h: file('h'), g: hardlink('h') }],
  })
  const [, lower = ''] = layers.lower
  const first = await ours(layers)
  for (const name of ['f', 'h', 'g']) calls.chmod(`${first.point}/${name}`, 0o600)
  const numbers = ['f', 'h', 'g'].map(name => ino(`${first.point}/${name}`))
  t.equal(numbers[0], ino(`${lower}/f`))
  t.same(await first.end(), [])
  t.equal(attribute(`${layers.upper}/h`, ORIGIN), null, 'names that part have none')
  calls.writeFile(`${layers.upper}/astray`, '')
  calls.setxattr(`${layers.upper}/astray`, ORIGIN, '../../etc/passwd\0')
  calls.writeFile(`${layers.upper}/dangling`, '')
  calls.setxattr(`${layers.upper}/dangling`, ORIGIN, 'gone/f\0')
  const again = await ours(layers)
  t.equal(ino(`${again.point}/f`), ino(`${lower}/f`), 'below a lower that has it not')
  t.not(ino(`${again.point}/h`), ino(`${again.point}/g`), 'two files, two numbers')
  for (const name of ['astray', 'dangling'])
    t.equal(ino(`${again.point}/${name}`), ino(`${layers.upper}/${name}`), name)
  t.same(await again.end(), [])
})

t.test("kernel overlayfs's origin is followed too", async t => {
  const layers = await makeStack({ lowers: [{ f: file('f') }] })
  const [lower = ''] = layers.lower
  const kernel = await mountPlyfs(layers, { options: ['index=off'] })
  calls.chmod(`${kernel.point}/f`, 0o600)
  t.same(await kernel.end(), [])
  t.not(attribute(`${layers.upper}/f`, 'trusted.overlay.origin'), null)
  // fuse-overlayfs opens the handle where it was started, and finds what lies on that disk alone.
  const mounted = await ours(layers)
  t.equal(ino(`${mounted.point}/f`), ino(`${lower}/f`))
  t.same(await mounted.end(), [])
})

t.test('FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT asks for whiteouts as files', async t => {
  for (const writer of [mountFuseOverlayfs, ours]) {
    for (const env of [{}, { FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT: '' }]) {
      const layers = await makeStack({ lowers: [{ f: file('f'), d: dir() }] })
      const mounted = await writer(layers, { env })
      calls.unlink(`${mounted.point}/f`)
      calls.rmdir(`${mounted.point}/d`)
      t.same(await mounted.end(), [])
      const isAsked = Object.keys(env).length > 0
      t.same(
        calls.names(layers.upper).sort(),
        isAsked ? ['.wh.d', '.wh.f'] : ['d', 'f'],
        `${mounted.kind} ${isAsked ? 'asked' : 'not asked'}`,
      )
    }
  }
})

const STORES: MountOptions = { options: ['xattr_permissions=2'] }
const stored = (name: string): string => `user.containers.override_${name}`

t.test('security attributes are stored where anybody may write', async t => {
  const layers = await makeStack({
    lowers: [
      {
        f: file('f', { xattrs: { 'security.one': '1', 'user.u': 'u' } }),
        d: dir({}, { xattrs: { 'security.two': '2' } }),
        tool: file('tool'),
      },
    ],
  })
  const [lower = ''] = layers.lower
  calls.setxattr(`${lower}/tool`, 'security.capability', CAPABILITY)
  const mounted = await ours(layers, STORES)
  const at = (name: string): string => `${mounted.point}/${name}`
  t.equal(attribute(at('f'), 'security.one'), '1', 'before the copy-up')
  for (const name of ['f', 'd', 'tool']) calls.chmod(at(name), 0o755)
  calls.setxattr(at('f'), 'security.new', 'n')
  calls.setxattr(at('f'), 'trusted.overlay.opaque', 'theirs')
  t.equal(attribute(at('f'), 'security.one'), '1', 'and after it')
  t.equal(attribute(at('d'), 'security.two'), '2')
  t.same(
    calls.listxattr(at('f')).sort(),
    ['security.new', 'security.one', 'trusted.overlay.opaque', 'user.u'],
    'listed by their own names',
  )
  t.equal(attribute(at('f'), stored('security.one')), null)
  t.throws(() => calls.setxattr(at('f'), stored('stat'), '0:0:777'), { code: 'EPERM' })
  const { upper } = layers
  const onDisk = (name: string): string[] => calls.listxattr(`${upper}/${name}`).sort()
  t.same(
    onDisk('f').filter(name => name !== ORIGIN),
    [
      stored('security.new'),
      stored('security.one'),
      stored('stat'),
      stored('trusted.overlay.opaque'),
      'user.u',
    ].sort(),
  )
  t.equal(attribute(`${upper}/tool`, 'security.capability'), null)
  t.equal(
    attribute(`${upper}/tool`, stored('security.capability')),
    CAPABILITY.toString('latin1'),
  )
  calls.removexattr(at('f'), 'security.new')
  t.equal(attribute(`${upper}/f`, stored('security.new')), null)
  t.same(await mounted.end(), [])
  const again = await ours(layers, STORES)
  t.equal(attribute(`${again.point}/f`, 'security.one'), '1', 'after a remount')
  t.equal(attribute(`${again.point}/f`, 'trusted.overlay.opaque'), 'theirs')
  t.same(await again.end(), [])
})

t.test('a capability that is stored works, and goes with the next write', async t => {
  for (const more of [[], ['passthrough=off']]) {
    const layers = await makeStack({ lowers: [{}] })
    const mounted = await ours(layers, { options: ['xattr_permissions=2', ...more] })
    const tool = `${mounted.point}/tool`
    fs.copyFileSync('/bin/true', tool)
    calls.chmod(tool, 0o755)
    await must('setcap', ['cap_net_raw+ep', tool])
    t.match(await must('getcap', [tool]), /cap_net_raw=ep/)
    t.not(attribute(`${layers.upper}/tool`, stored('security.capability')), null)
    calls.withOpen(tool, C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, Buffer.from('x')))
    t.equal(
      attribute(`${layers.upper}/tool`, stored('security.capability')),
      null,
      `${more.join()} gone from the disk`,
    )
    t.equal(await must('getcap', [tool]), '')
    await must('setcap', ['cap_net_raw+ep', tool])
    fs.truncateSync(tool, 3)
    t.equal(await must('getcap', [tool]), '', 'and by a truncation')
    t.same(await mounted.end(), [])
  }
})

t.test('a layer as fuse-overlayfs 1.14 wrote it is read as lower', async t => {
  // Its modes have the type in front, and it knows no fourth field.
  const lower = freshDirectory(disk, 'stored')
  makeTree(lower, {
    f: file('f', {
      mode: 0o755,
      xattrs: {
        [stored('stat')]: '7:8:100640',
        [stored('security.one')]: '1',
        [stored('trusted.overlay.foo')]: 'v',
        [ORIGIN]: 'gone\0',
        'security.real': 'not shown',
      },
    }),
    sub: dir({}, { xattrs: { [stored('stat')]: '9:9:40711' } }),
  })
  calls.setxattr(lower, stored('stat'), '0:0:555')
  const layers = await makeStack({ lowers: [{}] })
  for (const options of [['xattr_permissions=2'], []]) {
    const stack = { ...layers, lower: [lower], upper: freshDirectory(disk, 'upper') }
    const mounted = await ours(stack, { options })
    const f = `${mounted.point}/f`
    const expected = ['security.one', 'trusted.overlay.foo']
    t.same(calls.listxattr(f).sort(), expected)
    t.equal(attribute(f, 'security.one'), '1')
    const stat = calls.lstat(f)
    t.same([stat.mode & 0o7777, stat.uid, stat.gid], [0o640, 7, 8])
    calls.chmod(f, 0o600)
    t.equal(attribute(f, 'security.one'), '1', `copied up with ${options.join()}`)
    t.same(
      calls.listxattr(f).sort(),
      options.length === 0 ? ['security.one'] : expected,
      'an upper without stored names has no place for those of overlays',
    )
    t.same(await mounted.end(), [])
  }
})

// Which face of the program was called.
import t from 'tap'
import { howCalled } from '../../../src/cli/how-called.js'

t.test('by name', async t => {
  const args = ['-o', 'lowerdir=/l', '/m']
  t.match(howCalled('fuse-overlayfs', args), {
    kind: 'drop-in',
    program: 'fuse-overlayfs',
  })
  t.match(howCalled('fuse-overlayfs', ['mount']), { kind: 'drop-in' }, 'a mount point')
  for (const name of ['mount.plyfs', 'mount.fuse.plyfs', 'mount.fuse3.plyfs']) {
    t.match(howCalled(name, ['none', '/m']), { kind: 'mount-helper' }, name)
  }
})

t.test('by the first argument', async t => {
  const cases: readonly [readonly string[], string][] = [
    [['mount', '-o', 'x', '/m'], 'mount-verb'],
    [['-o', 'x', '/m'], 'drop-in'],
    [['-f', '-ox', '/m'], 'drop-in'],
    [['overlay', '/m', '-o', 'x'], 'drop-in'],
    [['--version'], 'drop-in'],
    [['which', '/m/a'], 'verb'],
    [['umount', '-l', '/m'], 'verb'],
    [['unmount', '/m'], 'verb'],
    [['stats', '/m'], 'verb'],
    [['nonsense'], 'verb'],
    [[], 'verb'],
  ]
  for (const [args, kind] of cases) {
    t.equal(howCalled('plyfs', args).kind, kind, args.join(' '))
  }
  t.same(howCalled('plyfs', ['mount', '-f', '/m']).args, ['-f', '/m'])
  t.same(howCalled('plyfs', ['--help']), { kind: 'verb', args: ['help'] })
})

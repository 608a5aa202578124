// Which face of the program was called.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { howCalled } from '../../../src/cli/how-called.js'
import { read } from '../../architecture/sources.js'

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

t.test('the verbs are the same wherever they are listed', async t => {
  const program = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
  const help = execFileSync(process.execPath, [program, 'help'], { encoding: 'utf8' })
  const [, listed = ''] = help.split('\nCommands:\n')
  const verbs = [...listed.matchAll(/^ {2}([a-z|]+)/gm)].flatMap(([, names = '']) =>
    names.split('|'),
  )
  t.ok(verbs.length > 40, 'the help lists them')
  // A mount is told apart before.
  const others = verbs.filter(verb => verb !== 'mount').toSorted()
  for (const [file, table] of [
    ['src/cli/how-called.ts', /const VERBS[^[]*\[(.*?)\]/s],
    ['native-helpers/launcher.c', /\bverbs\[\] = \{(.*?)NULL/s],
  ] as const) {
    const [, text = ''] = table.exec(read(file)) ?? []
    const words = [...text.matchAll(/["']([a-z]+)["']/g)].map(([, word = '']) => word)
    t.strictSame(words.toSorted(), others, file)
  }
})

// A directory that turns into a symlink while the archive is read, and the other way round: what was
// known of the name must not be believed any more.
import t from 'tap'
import { file, makeTar, directory, symlink } from '../helpers/make-tar.js'
import { ground, names } from '../helpers/unpack.js'

t.test('a directory becomes a symlink to the outside', async t => {
  const g = ground(t)
  await g.refuses(
    makeTar(
      directory('d/'),
      file('d/first'),
      directory('d/sub/'),
      symlink('d', g.outside),
      file('d/canary', 'overwritten'),
    ),
    { code: 'malformed', place: { entry: 'd/canary' } },
  )
})

t.test('so does a directory further up', async t => {
  const g = ground(t)
  await g.refuses(makeTar(file('a/b/c/d'), symlink('a', '..'), file('a/outside/x')), {
    code: 'malformed',
    place: { entry: 'a/outside/x' },
  })
})

t.test('a symlink becomes a directory', async t => {
  const g = ground(t)
  const layer = await g.add(
    makeTar(symlink('d', g.outside), directory('d/', { mode: 0o711 }), file('d/x')),
  )
  t.same(names(layer), ['d'])
  t.same(names(`${layer}/d`), ['x'])
  t.same(names(g.outside), ['canary'])
})

// Names that lead out of the layer by `..`, in entries, targets of hard links and whiteouts.
import t from 'tap'
import { file, hardlink, makeTar, directory } from '../helpers/make-tar.js'
import { ground, names } from '../helpers/unpack.js'

t.test('a name that climbs above the root', async t => {
  const g = ground(t)
  for (const path of [
    '../x',
    'a/../../x',
    '/../x',
    './../x',
    '..',
    'a/b/../../../outside/x',
  ])
    await g.refuses(makeTar(directory('a/'), file(path)), {
      code: 'malformed',
      place: { entry: path },
      message: /leads out of the layer/,
    })
})

t.test('a hard link whose target climbs', async t => {
  const g = ground(t)
  await g.refuses(makeTar(hardlink('x', '../outside/canary')), {
    code: 'malformed',
    place: { entry: 'x' },
  })
})

t.test('a whiteout that climbs', async t => {
  const g = ground(t)
  await g.refuses(makeTar(file('../.wh.outside')), { code: 'malformed' })
})

t.test('one that stays inside is taken by the letter', async t => {
  const g = ground(t)
  const layer = await g.add(makeTar(file('a/../b'), file('c/./d/../e')))
  t.same(names(layer), ['b', 'c'])
})

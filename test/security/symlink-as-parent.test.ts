// A symlink of the layer in the place of a parent directory: writing through it would leave the
// layer.
import * as fs from 'node:fs'
import t from 'tap'
import { file, hardlink, makeTar, directory, symlink } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('entries behind a symlink', async t => {
  const g = ground(t)
  for (const target of [g.outside, '../outside', 'inside', '.', '/proc/self/root']) {
    for (const entry of [
      file('link/x', 'x'),
      directory('link/x/'),
      symlink('link/x', 'y'),
      file('link/.wh.canary'),
      file('link/.wh..wh..opq'),
      file('link/deeper/x'),
    ])
      await g.refuses(makeTar(directory('inside/'), symlink('link', target), entry), {
        code: 'malformed',
        place: { entry: entry.path },
        message: /'link' of its path is not a directory/,
      })
  }
})

t.test('a hard link to what lies behind a symlink', async t => {
  const g = ground(t)
  await g.refuses(makeTar(symlink('link', g.outside), hardlink('got', 'link/canary')), {
    code: 'malformed',
    place: { entry: 'got' },
  })
})

t.test('a symlink of a layer below hides nothing and is not followed', async t => {
  const g = ground(t)
  await g.add(makeTar(symlink('link', g.outside)))
  const layer = await g.add(makeTar(file('link/x', 'x')))
  t.ok(fs.lstatSync(`${layer}/link`).isDirectory())
  await g.refuses(makeTar(hardlink('got', 'link/canary')), { code: 'malformed' })
  const above = await g.add(makeTar(file('other')))
  t.same(fs.readdirSync(above), ['other'])
})

// Whiteouts that are no plain files: as a hard link one would make a file of the image vanish from
// its place, as a directory one would hold files that nobody sees.
import t from 'tap'
import { file, makeTar, directory, hardlink, symlink } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('they are refused', async t => {
  const g = ground(t)
  await g.add(makeTar(file('x', 'x')))
  const odd = [
    hardlink('.wh.x', 'x'),
    directory('.wh.x/'),
    symlink('.wh.x', 'x'),
    { path: '.wh.x', flag: '3', major: 1, minor: 3 },
    { path: '.wh.x', flag: '6' },
    hardlink('d/.wh..wh..opq', 'x'),
    directory('.wh..wh..opq/'),
    file('.wh.x/below', 'x'),
    file('.wh.x/.wh..wh..opq'),
  ]
  for (const entry of odd)
    await g.refuses(makeTar(file('y'), entry), {
      code: 'malformed',
      place: { entry: entry.path },
      message: /a whiteout/,
    })
})

// Entries without a name.
import t from 'tap'
import { file, makeTar, directory, hardlink, symlink } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('they are refused', async t => {
  const g = ground(t)
  for (const entry of [file(''), directory(''), symlink('', 'x')])
    await g.refuses(makeTar(file('x'), entry), {
      code: 'malformed',
      message: /entry '': an empty name/,
    })
  await g.refuses(makeTar(hardlink('h', '')), {
    code: 'malformed',
    place: { entry: 'h' },
  })
  await g.refuses(makeTar(symlink('s', '')), { code: 'malformed', place: { entry: 's' } })
  await g.refuses(makeTar(file('n', '', { pax: { path: 'a\0b' } })), {
    code: 'malformed',
  })
})

t.test('the root can only be a directory', async t => {
  const g = ground(t)
  for (const entry of [file('./'), symlink('/', '/'), file('a/..'), hardlink('.', 'x')])
    await g.refuses(makeTar(file('x'), entry), { code: 'malformed', message: /root/ })
  await g.refuses(makeTar(hardlink('h', '/')), { code: 'malformed', message: /root/ })
})

// Whiteouts that name nothing, or that name `.` and `..`, which would hide a whole directory or
// what is above it.
import t from 'tap'
import { file, makeTar, directory } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('they are refused', async t => {
  const g = ground(t)
  await g.add(makeTar(directory('d/'), file('d/x')))
  for (const path of ['.wh.', 'd/.wh.', '.wh..', '.wh...', 'd/.wh..', 'd/.wh...'])
    await g.refuses(makeTar(file(path)), {
      code: 'malformed',
      place: { entry: path },
      message: /whiteout/,
    })
})

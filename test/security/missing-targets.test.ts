// Hard links to what is not there, or to a directory.
import * as fs from 'node:fs'
import t from 'tap'
import { directory, file, makeTar, hardlink } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('they are refused', async t => {
  const g = ground(t)
  await g.add(makeTar(directory('lower/'), file('f')))
  for (const target of ['none', 'f/x', 'd/none', 'later', 'd', 'lower'])
    await g.refuses(makeTar(directory('d/'), hardlink('h', target), file('later')), {
      code: 'malformed',
      place: { entry: 'h' },
    })
})

t.test('a link to itself', async t => {
  const g = ground(t)
  await g.refuses(makeTar(hardlink('h', 'h')), { code: 'malformed' })
  const layer = await g.add(makeTar(file('h', 'x'), hardlink('h', './h')))
  t.equal(fs.readFileSync(`${layer}/h`, 'utf8'), 'x')
})

// Absolute names: they mean the layer, not the host.
import * as fs from 'node:fs'
import t from 'tap'
import { file, hardlink, makeTar, directory } from '../helpers/make-tar.js'
import { ground, names } from '../helpers/unpack.js'

t.test('a leading slash means the root of the layer', async t => {
  const g = ground(t)
  const outside = `${g.outside}/canary`.slice(1)
  const pax = { path: `/${outside}` }
  const layer = await g.add(makeTar(directory('/'), file('x', 'inside', { pax })))
  t.equal(fs.readFileSync(`${g.outside}/canary`, 'utf8'), 'untouched')
  t.equal(fs.readFileSync(`${layer}/${outside}`, 'utf8'), 'inside')
  t.same(names(layer), [outside.split('/')[0]])
})

t.test('a hard link to an absolute name', async t => {
  const g = ground(t)
  await g.refuses(makeTar(hardlink('shadow', '/etc/passwd')), {
    code: 'malformed',
    place: { entry: 'shadow' },
    message: /'etc\/passwd' does not exist/,
  })
})

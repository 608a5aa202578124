// Owners outside of 32 bits, and the one that chown(2) takes for "leave it".
import * as fs from 'node:fs'
import t from 'tap'
import { file, makeTar } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('they are refused', async t => {
  const g = ground(t)
  for (const uid of ['4294967295', '4294967296', '-1'])
    for (const id of ['uid', 'gid'])
      await g.refuses(makeTar(file('f', '', { pax: { [id]: uid } })), {
        code: 'malformed',
        place: { entry: 'f' },
        message: /an owner/,
      })
  const pax = { uid: '4294967294' }
  const layer = await g.add(makeTar(file('f', '', { pax })))
  t.equal(fs.statSync(`${layer}/f`).uid, 4294967294)
})

// Where a store is when nobody says.
import t from 'tap'
import { defaultRoot } from '../../../../src/image/store/store-root.js'

t.test('the host’s for root, one of their own for others', async t => {
  t.equal(defaultRoot(0, { XDG_DATA_HOME: '/data' }, '/root'), '/var/lib/plyfs')
  t.equal(defaultRoot(1000, {}, '/home/u'), '/home/u/.local/share/plyfs')
  t.equal(defaultRoot(1000, { XDG_DATA_HOME: '/data' }, '/home/u'), '/data/plyfs')
  t.equal(
    defaultRoot(1000, { XDG_DATA_HOME: 'relative' }, '/home/u'),
    '/home/u/.local/share/plyfs',
  )
  t.equal(defaultRoot(1000, {}, '/home/ü'), '/home/\xc3\xbc/.local/share/plyfs', 'bytes')
})

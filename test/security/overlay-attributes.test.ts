// Overlay attributes in an archive are data of its author: what the format of the store would obey
// is stored escaped, and shown as it was; the rest as it is.
import t from 'tap'
import { file, makeTar, directory } from '../helpers/make-tar.js'
import { ground, xattr } from '../helpers/unpack.js'

const overlay = {
  opaque: 'y',
  redirect: '/etc',
  metacopy: '',
  origin: 'x',
  whiteout: '',
  impure: 'y',
  nlink: 'U+9',
  'overlay.opaque': 'y',
}

/** Records of these attributes under a prefix. */
function under(prefix: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(overlay).map(([name, value]) => [
      `SCHILY.xattr.${prefix}${name}`,
      value,
    ]),
  )
}

t.test('in the store', async t => {
  const g = ground(t)
  await g.add(makeTar(directory('d/'), file('d/x'), file('f', 'x')))
  const pax = {
    ...under('trusted.overlay.'),
    ...under('user.overlay.'),
    'SCHILY.xattr.user.fuseoverlayfs.opaque': 'y',
    'SCHILY.xattr.user.containers.override_stat': '0:0:4755',
  }
  const layer = await g.add(makeTar(directory('d/', { pax }), file('f', '', { pax })))
  for (const at of [`${layer}/d`, `${layer}/f`]) {
    for (const [name, value] of Object.entries(overlay)) {
      t.equal(xattr(at, `trusted.overlay.overlay.${name}`), value, `${name} is escaped`)
      if (name !== 'overlay.opaque') t.equal(xattr(at, `trusted.overlay.${name}`), null)
      t.equal(xattr(at, `user.overlay.${name}`), value, `${name} is what it was`)
    }
    t.equal(xattr(at, 'user.fuseoverlayfs.opaque'), 'y')
    t.equal(xattr(at, 'user.containers.override_stat'), '0:0:4755')
  }
})

t.test('where user.overlay. is obeyed', async t => {
  const g = ground(t, 'kernel-user')
  const pax = { ...under('user.overlay.'), ...under('trusted.overlay.') }
  const layer = await g.add(makeTar(file('f', '', { pax })))
  t.equal(xattr(`${layer}/f`, 'user.overlay.overlay.redirect'), '/etc')
  t.equal(xattr(`${layer}/f`, 'user.overlay.redirect'), null)
  t.equal(xattr(`${layer}/f`, 'trusted.overlay.redirect'), '/etc')
})

t.test('where owners are kept in an attribute', async t => {
  const g = ground(t, 'kernel-user')
  const pax = { 'SCHILY.xattr.user.containers.override_stat': '0:0:4755' }
  await g.refuses(
    makeTar(file('f', '', { pax })),
    { code: 'unsupported', place: { entry: 'f' }, message: /user.containers/ },
    { owners: 'attribute' },
  )
})

t.test('where there is no escape', async t => {
  for (const format of ['fuse-overlayfs', 'aufs'] as const) {
    const g = ground(t, format)
    for (const name of ['user.fuseoverlayfs.opaque', 'trusted.overlay.opaque']) {
      const pax = { [`SCHILY.xattr.${name}`]: 'y' }
      await g.refuses(makeTar(file('f', '', { pax })), {
        code: 'unsupported',
        place: { entry: 'f' },
      })
    }
  }
})

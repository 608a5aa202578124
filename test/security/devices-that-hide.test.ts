// Character devices 0/0, which the overlay would take for whiteouts, and numbers that would end as
// such when they are cut to the width that the kernel has.
import t from 'tap'
import { file, makeTar, hardlink } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('a literal 0/0 device refuses the image', async t => {
  for (const format of [
    'kernel-trusted',
    'kernel-user',
    'fuse-overlayfs',
    'aufs',
  ] as const) {
    const g = ground(t, format)
    await g.add(makeTar(file('passwd', 'x')))
    const device = { path: 'passwd', flag: '3', major: 0, minor: 0 }
    await g.refuses(makeTar(device), {
      code: 'unsupported',
      place: { entry: 'passwd' },
      message: /entry 'passwd': a character device 0\/0/,
    })
    await g.refuses(makeTar(device), { code: 'unsupported' }, { owners: 'attribute' })
  }
})

t.test('so do numbers that do not fit', async t => {
  const g = ground(t)
  for (const [major, minor] of [
    [4096, 0],
    [0, 1 << 20],
    [4096, 1 << 20],
    [-4096, 0],
  ] as const) {
    const pax = { 'SCHILY.devmajor': String(major), 'SCHILY.devminor': String(minor) }
    for (const flag of ['3', '4'])
      await g.refuses(makeTar({ path: 'd', flag, pax }), {
        code: 'malformed',
        place: { entry: 'd' },
      })
  }
})

t.test('a whiteout below is no target of a hard link', async t => {
  const g = ground(t)
  await g.add(makeTar(file('x')))
  await g.add(makeTar(file('.wh.x')))
  await g.refuses(makeTar(hardlink('y', 'x')), { code: 'malformed' })
})

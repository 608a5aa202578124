// Names of the overlay’s own attributes: hidden, escaped, left alone.
import t from 'tap'
import { OverlayXattrs, PresentXattrs } from '../../../src/layer/overlay-xattrs.js'

const trusted = new OverlayXattrs('trusted')
const user = new OverlayXattrs('user')
const fuse = new OverlayXattrs('fuse-overlayfs')

void t.test('an overlay in an overlay keeps its attributes one level deeper', async t => {
  for (const [x, name] of [
    [trusted, 'trusted.overlay.opaque'],
    [user, 'user.overlay.redirect'],
  ] as const) {
    const disk = x.toDisk(name)
    t.equal(disk, name.replace('overlay.', 'overlay.overlay.'))
    t.equal(x.fromDisk(disk ?? ''), name)
    t.equal(x.fromDisk(name), null, 'our own are not shown')
    const twice = x.toDisk(disk ?? '') ?? ''
    t.equal(x.fromDisk(twice), disk, 'one level is stripped for each mount')
  }
})

void t.test('other attributes are what they are', async t => {
  for (const name of [
    'user.a',
    'security.capability',
    'trusted.other',
    'trusted.overlayfs.x',
  ]) {
    t.equal(trusted.toDisk(name), name)
    t.equal(trusted.fromDisk(name), name)
    t.equal(trusted.carried(name, false, false), name)
  }
  t.equal(trusted.fromDisk('user.overlay.opaque'), 'user.overlay.opaque')
  t.equal(user.fromDisk('trusted.overlay.opaque'), 'trusted.overlay.opaque')
})

void t.test('fuse-overlayfs keeps its prefixes out of reach', async t => {
  for (const name of [
    'user.fuseoverlayfs.x',
    'trusted.overlay.opaque',
    'user.overlay.x',
    'user.containers.override_stat',
  ]) {
    t.equal(fuse.toDisk(name), null, name)
    t.equal(fuse.fromDisk(name), null, name)
  }
  t.equal(fuse.toDisk('user.mine'), 'user.mine')
})

void t.test('a layer of containers/storage stores what it may not write', async t => {
  for (const name of ['security.capability', 'trusted.overlay.x', 'user.overlay.x']) {
    const disk = `user.containers.override_${name}`
    t.equal(fuse.toDisk(name, true), disk)
    t.equal(fuse.fromDisk(disk, true), name)
    t.equal(fuse.fromDisk(disk, false), null, 'another layer does not show it')
    t.equal(fuse.fromDisk(name, true), null, 'nor is what lies under the name itself')
    t.equal(fuse.carried(disk, true, true), disk)
    t.equal(fuse.toDisk(disk, true), null, 'the stored form has no name')
  }
  t.equal(fuse.carried('user.containers.override_security.a', true, false), 'security.a')
  t.equal(fuse.carried('security.a', false, true), 'user.containers.override_security.a')
  t.equal(fuse.carried('user.fuseoverlayfs.origin', true, true), null)
  t.equal(fuse.carried('user.containers.override_stat', true, true), null)
  t.equal(fuse.toDisk('user.a', true), 'user.a')
  t.equal(fuse.toDisk('user.containers.a', true), 'user.containers.a')
  t.equal(fuse.toDisk(`security.${'x'.repeat(221)}`, true)?.length, 255)
  t.equal(fuse.toDisk(`security.${'x'.repeat(222)}`, true), null, 'names have an end')
})

void t.test('the attributes present are read from one listing', async t => {
  const list = 'user.a\0trusted.overlay.origin\0trusted.overlay.overlay.opaque\0'
  const present = new PresentXattrs(list, trusted)
  t.equal(present.has('origin'), true)
  t.equal(present.has('opaque'), false, 'an escaped one is somebody else’s')
  t.equal(present.none, false)
  t.equal(new PresentXattrs('user.a\0', trusted).none, true)
  t.equal(new PresentXattrs('', trusted).none, true)
  const kernel = new PresentXattrs('user.a\0trusted.overlay.origin\0', fuse)
  t.equal(kernel.has('origin'), true, 'fuse-overlayfs reads the kernel’s origin too')
})

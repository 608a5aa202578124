// The mount table, on lines that a kernel (Linux 6.18) wrote.
import t from 'tap'
import { overlayPath, parseMountinfo } from '../../../src/mount/mountinfo.js'

const TABLE = [
  '21 26 0:20 / /proc rw,relatime - proc proc rw',
  '26 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resuid=65534',
  '70 26 254:0 /srv/a\\040b /mnt/x\\134y\\011z ro,nosuid shared:1 master:2 - ext4 /dev/vda rw',
  '65 62 0:39 / /mnt/m rw,relatime - overlay o rw,lowerdir=/a\\134:b:/c\\134\\054d,upperdir=/up\\134:x\\134\\054y,workdir=/w\\040w,index=on',
  '66 62 0:40 / /mnt/n rw - overlay overlay rw,lowerdir=a,upperdir=u,workdir=w',
  '63 62 0:41 / /mnt/\xff rw,nodev,noatime - fuse.plyfs a\\134,b\\040c rw,user_id=0',
  'a line of some other kernel',
  '',
].join('\n')

t.test('entries', async t => {
  const entries = parseMountinfo(TABLE)
  t.equal(entries.length, 6)
  t.match(entries[2], {
    id: 70,
    parentId: 26,
    device: '254:0',
    root: '/srv/a b',
    mountPoint: '/mnt/x\\y\tz',
    options: ['ro', 'nosuid'],
    type: 'ext4',
    source: '/dev/vda',
    superOptions: ['rw'],
  })
  t.match(entries[5], {
    mountPoint: '/mnt/\xff',
    type: 'fuse.plyfs',
    source: 'a\\,b c',
    superOptions: ['rw', 'user_id=0'],
  })
})

t.test("an overlay's directories", async t => {
  const found = parseMountinfo(TABLE)
    .slice(3)
    .map(entry => [overlayPath(entry, 'upperdir'), overlayPath(entry, 'workdir')])
  t.same(found, [
    ['/up:x,y', '/w w'],
    ['u', 'w'],
    [null, null],
  ])
})

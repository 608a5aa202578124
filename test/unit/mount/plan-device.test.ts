// What the kernel is told about the mount, for each form of the command.
import t from 'tap'
import {
  MS_NOATIME,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
} from '../../../src/sys/constants.js'
import type { Circumstances } from '../../../src/mount/circumstances.js'
import { fusermountOptions } from '../../../src/mount/fusermount.js'
import type { DeviceMount } from '../../../src/mount/mount-plan.js'
import { parseOptions } from '../../../src/mount/parse-options.js'
import { planDevice } from '../../../src/mount/plan-device.js'
import { dropIn, given, ordinary } from './circumstances-of.js'

function plan(
  options: string,
  how: Circumstances,
  source: string | null = null,
  readOnly = false,
): DeviceMount {
  return planDevice(parseOptions([options], 'collect'), how, source, readOnly)
}

t.test('defaults', async t => {
  t.same(plan('', given()), {
    source: 'plyfs',
    subtype: 'plyfs',
    flags: 0,
    propagation: 0,
    allowOther: true,
    maxRead: null,
    securityContext: [],
    privileged: true,
  } satisfies DeviceMount)
  t.match(plan('', given(ordinary)), {
    flags: MS_NOSUID | MS_NODEV,
    allowOther: false,
    privileged: false,
  })
  t.match(plan('', dropIn()), {
    source: 'fuse-overlayfs',
    subtype: 'fuse-overlayfs',
    flags: MS_NODEV | MS_NOATIME,
    allowOther: true,
  })
  t.match(plan('', dropIn(ordinary)), {
    flags: MS_NODEV | MS_NOSUID | MS_NOATIME,
    allowOther: false,
  })
  t.match(plan('', dropIn({ program: 'plyfs' })), { source: 'plyfs', subtype: 'plyfs' })
})

t.test('flags', async t => {
  t.equal(plan('dev,suid', dropIn()).flags, MS_NOATIME)
  t.equal(plan('relatime', dropIn()).flags, MS_NODEV | MS_RELATIME)
  t.equal(plan('atime', dropIn()).flags, MS_NODEV)
  t.equal(plan('ro,noexec', given()).flags, MS_RDONLY | MS_NOEXEC)
  t.equal(plan('', given(), null, true).flags, MS_RDONLY)
  t.equal(
    plan('rw', given(), null, true).flags,
    MS_RDONLY,
    'there is nothing to write to',
  )
})

t.test('names', async t => {
  t.match(plan('', given(), 'overlay'), { source: 'overlay', subtype: 'plyfs' })
  t.match(plan('fsname=x,subtype=y', given(), 'overlay'), { source: 'x', subtype: 'y' })
})

t.test('contexts and propagation', async t => {
  const context = 'context="a:b:c:s0:c1,c2"'
  t.same(plan(context, dropIn({ selinux: true })).securityContext, [])
  t.same(plan(context, given({ selinux: true })).securityContext, [
    'context=a:b:c:s0:c1,c2',
  ])
  t.throws(() => plan(context, given()), { message: /needs SELinux/ })
  t.throws(() => plan(context, given({ ...ordinary, selinux: true })), {
    message: /for root/,
  })
  t.equal(plan('private', given()).propagation, MS_PRIVATE)
  t.equal(plan('private', dropIn()).propagation, 0)
  t.throws(() => plan('private', given(ordinary)), { message: /for root to set/ })
})

t.test('as fusermount3 reads it', async t => {
  t.equal(
    fusermountOptions(plan('fsname=a\\,b\\\\c,ro,max_read=65536', given(ordinary))),
    'fsname=a\\,b\\\\c,subtype=plyfs,default_permissions,max_read=65536,ro,nosuid,nodev',
  )
  t.equal(
    fusermountOptions(plan('allow_other', dropIn(ordinary))),
    'fsname=fuse-overlayfs,subtype=fuse-overlayfs,default_permissions,allow_other,nosuid,nodev,noatime',
  )
})

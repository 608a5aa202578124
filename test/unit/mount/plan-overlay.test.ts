// What the overlay is told, for each form of the command: the defaults, and the conflicts.
import t from 'tap'
import type { Circumstances } from '../../../src/mount/circumstances.js'
import { parseOptions } from '../../../src/mount/parse-options.js'
import { planOverlay } from '../../../src/mount/plan-overlay.js'
import type { OverlayOptions } from '../../../src/overlay/options.js'
import { dropIn, given, ordinary } from './circumstances-of.js'

const WRITABLE = 'lowerdir=/l,upperdir=/u,workdir=/w'

function plan(options: string, how: Circumstances): OverlayOptions {
  const unknown = how.form === 'drop-in' ? 'collect' : 'refuse'
  return planOverlay(parseOptions([options], unknown), how)
}

t.test('defaults with a verb', async t => {
  t.same(plan(WRITABLE, given()), {
    lowers: ['/l'],
    archive: null,
    dataLowers: [],
    upper: '/u',
    work: '/w',
    format: 'kernel-trusted',
    redirectDir: 'on',
    index: true,
    dotWhiteouts: false,
    metacopy: false,
    xino: 'on',
    uuid: 'auto',
    sync: 'auto',
    staticNlink: true,
    timeout: Infinity,
    noXattrs: false,
    noAcl: false,
    xattrPermissions: 0,
    ino32: false,
    uidMap: [],
    gidMap: [],
    squashUid: null,
    squashGid: null,
    readOnly: false,
    attachesUpper: false,
    passthrough: true,
    passesPrograms: false,
    noOpen: false,
    maxStackDepth: 1,
  } satisfies OverlayOptions)
  t.same(plan(WRITABLE, given({ form: 'helper' })), plan(WRITABLE, given()))
})

t.test('defaults when called as fuse-overlayfs', async t => {
  t.match(plan(WRITABLE, dropIn()), {
    format: 'fuse-overlayfs',
    redirectDir: 'nofollow',
    index: false,
    metacopy: false,
    xino: 'off',
    sync: 'fsync-only',
    staticNlink: false,
    uuid: 'null',
  })
  t.same(plan(WRITABLE, dropIn({ program: 'plyfs' })), plan(WRITABLE, dropIn()))
})

t.test('without an upper', async t => {
  t.match(plan('lowerdir=/a:/b,workdir=/w,index=on,volatile,uuid=on', given()), {
    lowers: ['/a', '/b'],
    upper: null,
    work: null,
    readOnly: true,
    index: false,
    sync: 'auto',
    uuid: 'null',
  })
})

t.test('one option at a time', async t => {
  const cases: readonly [string, Circumstances, Partial<OverlayOptions>][] = [
    ['redirect_dir=off', given(), { redirectDir: 'follow' }],
    ['redirect_dir=nofollow', given(), { redirectDir: 'nofollow' }],
    ['redirect_dir=follow', given(), { redirectDir: 'follow' }],
    ['redirect_dir=off', dropIn(), { redirectDir: 'nofollow' }],
    ['format=kernel', dropIn(), { format: 'kernel-trusted', redirectDir: 'follow' }],
    ['format=kernel,redirect_dir=on', dropIn(), { redirectDir: 'on', index: false }],
    ['format=aufs', given(), { format: 'aufs', redirectDir: 'nofollow', index: false }],
    [
      'userxattr',
      given(),
      { format: 'kernel-user', redirectDir: 'nofollow', index: true },
    ],
    ['userxattr', dropIn(), { format: 'kernel-user', redirectDir: 'nofollow' }],
    ['userxattr,redirect_dir=on', given(), { redirectDir: 'on' }],
    ['userxattr,redirect_dir=off', given(), { redirectDir: 'nofollow' }],
    [
      'rw',
      given(ordinary),
      { format: 'kernel-user', redirectDir: 'nofollow', index: false },
    ],
    ['rw', dropIn(ordinary), { format: 'fuse-overlayfs' }],
    ['rw', given({ mayTrusted: false }), { format: 'kernel-user' }],
    ['index=off', given(), { index: false }],
    ['metacopy=on', given(), { metacopy: true, redirectDir: 'on' }],
    ['metacopy=off', given(), { metacopy: false, redirectDir: 'on' }],
    ['verity=off,nfs_export=off', given(), { metacopy: false, index: true }],
    ['xino=auto', given(), { xino: 'auto' }],
    ['xino=on', dropIn(), { xino: 'on' }],
    ['uuid=null', given(), { uuid: 'null' }],
    ['fsync=strict', given(), { sync: 'strict' }],
    ['fsync=ordered', given(), { sync: 'auto' }],
    ['fsync=0', given(), { sync: 'none' }],
    ['fsync=0', dropIn(), { sync: 'none' }],
    ['sync=0', dropIn(), { sync: 'none' }],
    ['sync', dropIn(), { sync: 'fsync-only' }],
    ['fsync=1', given(), { sync: 'fsync-only' }],
    ['volatile', given(), { sync: 'volatile' }],
    ['volatile', dropIn(), { sync: 'none' }],
    ['volatile,fsync=auto', given(), { sync: 'auto' }],
    ['timeout=0', given(), { timeout: 0 }],
    ['timeout=1.5', given(), { timeout: 1.5 }],
    ['timeout=1000000000.0', dropIn(), { timeout: Infinity }],
    ['static_nlink', dropIn(), { staticNlink: true }],
    ['static_nlink=off', given(), { staticNlink: false }],
    ['noacl,noxattrs=1,ino32_t', dropIn(), { noAcl: true, noXattrs: true, ino32: true }],
    ['noxattrs=0', dropIn(), { noXattrs: false }],
    ['xattr_permissions=2', dropIn(), { xattrPermissions: 2 }],
    ['squash_to_root', dropIn(), { squashUid: 0, squashGid: 0 }],
    ['squash_to_root,squash_to_uid=7', dropIn(), { squashUid: 7, squashGid: 0 }],
    ['squash_to_uid=7', given(), { squashUid: 7, squashGid: null }],
    ['passthrough=off', given(), { passthrough: false }],
    ['sync', given(), { passthrough: false }],
    ['sync,async', given(), { passthrough: true }],
    ['passthrough=on', dropIn({ passthroughForbidden: true }), { passthrough: true }],
    ['rw', dropIn({ passthroughForbidden: true }), { passthrough: false }],
    ['rw', dropIn({ deviceWhiteoutsForbidden: true }), { dotWhiteouts: true }],
    ['rw', dropIn(), { dotWhiteouts: false }],
    ['rw', given({ deviceWhiteoutsForbidden: true }), { dotWhiteouts: false }],
    ['max_stack_depth=2', given(), { maxStackDepth: 2 }],
    ['metacopy=on,index=on', dropIn(), { metacopy: false, index: false }],
  ]
  for (const [options, how, expected] of cases) {
    t.match(plan(`${WRITABLE},${options}`, how), expected, `${how.form}: ${options}`)
  }
})

t.test('options that exclude each other', async t => {
  const cases: readonly [string, Circumstances, RegExp][] = [
    ['metacopy=on,redirect_dir=off', given(), /metacopy=on and redirect_dir=off exclude/],
    ['metacopy=on,redirect_dir=follow', given(), /exclude/],
    ['verity=on', given(), /verity=on: digests of fs-verity are not checked/],
    ['verity=require', given(ordinary), /verity=require: digests/],
    ['nfs_export=on', given(), /nfs_export=on: file handles of a FUSE mount do not/],
    ['userxattr,metacopy=on', given(), /userxattr and metacopy=on exclude/],
    ['index=on', given(ordinary), /index=on needs the right to open files by handle/],
    ['metacopy=on', given(ordinary), /'user\.' kind and metacopy=on exclude/],
    ['userxattr,format=aufs', given(), /userxattr is a form of the kernel's format/],
    ['redirect_dir=on', dropIn(), /redirect_dir=on needs the kernel's format/],
    ['format=aufs,index=on', given(), /index=on needs the kernel's format/],
    ['sync,passthrough=on', given(), /sync and passthrough=on exclude/],
    ['no_open=on', given(), /no_open=on needs a mount without an upper directory/],
    ['xattr_permissions=2', given(), /xattr_permissions=2 needs fuse-overlayfs's/],
    ['format=fuse-overlayfs,datadir+=/d', given(), /data-only layers/],
  ]
  for (const [options, how, message] of cases) {
    t.throws(() => plan(`${WRITABLE},${options}`, how), { message }, options)
  }
})

t.test('layers that are missing', async t => {
  const cases: readonly [string, Circumstances, RegExp][] = [
    ['upperdir=/u,workdir=/w', given(), /no lower directory/],
    ['lowerdir=,upperdir=/u,workdir=/w', given(), /no lower directory/],
    ['lowerdir=::/d', given(), /begins with a colon/],
    ['datadir+=/d', given(), /no lower directory/],
    ['lowerdir=/l,upperdir=/u', given(), /needs a work directory/],
    ['lowerdir=/l,upperdir=,workdir=/w', given(), /empty path/],
    ['lowerdir+=', given(), /empty path/],
    ['', dropIn(), /no lower directory/],
  ]
  for (const [options, how, message] of cases) {
    t.throws(() => plan(options, how), { message }, options)
  }
})

t.test('paths', async t => {
  t.match(plan('lowerdir=a:/b:../c,upperdir=u,workdir=w/x', given()), {
    lowers: ['/cwd/a', '/b', '/cwd/../c'],
    upper: '/cwd/u',
    work: '/cwd/w/x',
  })
  t.match(plan('lowerdir=a', given({ cwd: '/' })), { lowers: ['/a'] })
  t.match(plan('lowerdir=/x,lowerdir=/a:/b,lowerdir+=/c:d,datadir+=/e', given()), {
    lowers: ['/a', '/b', '/c:d'],
    dataLowers: ['/e'],
  })
  t.match(plan('lowerdir+=/a,lowerdir+=/b,datadir+=/d,datadir+=/e', given()), {
    lowers: ['/a', '/b'],
    dataLowers: ['/d', '/e'],
  })
  t.match(plan('lowerdir=/a::/d,upperdir=/u\\:v,workdir=/w\\,x', given()), {
    lowers: ['/a'],
    dataLowers: ['/d'],
    upper: '/u:v',
    work: '/w,x',
  })
  const many = Array.from({ length: 600 }, (_, i) => `/layers/${i}`)
  t.same(plan(`lowerdir=${many.join(':')}`, given()).lowers, many)
})

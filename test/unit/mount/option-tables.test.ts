// Every option of kernel overlayfs (ovl_parameter_spec) and of fuse-overlayfs (fuse-overlayfs.1
// and its option table), one row each: what it comes to here, or the one line that refuses it. An
// option of theirs that is missing here is not known to be right.
import t from 'tap'
import {
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
} from '../../../src/sys/constants.js'
import type { Circumstances } from '../../../src/mount/circumstances.js'
import { MountError } from '../../../src/mount/mount-error.js'
import { parseOptions } from '../../../src/mount/parse-options.js'
import { planDevice } from '../../../src/mount/plan-device.js'
import { planOverlay } from '../../../src/mount/plan-overlay.js'
import { dropIn, given } from './circumstances-of.js'

/** What a row is about: fields of the plan, of the device's plan, or the refusal. */
type Comes = Readonly<Record<string, unknown>> | RegExp
type Row = readonly [string, Comes]

const LAYERS = 'lowerdir=/l,upperdir=/u,workdir=/w'

/** The option comes to what it does to a mount without it: it changes nothing. */
const nothing = {}

const kernel: readonly Row[] = [
  ['lowerdir=/a:/b', { lowers: ['/a', '/b'] }],
  [String.raw`lowerdir=/a\:b`, { lowers: ['/a:b'] }],
  ['lowerdir=/a::/d1::/d2', { lowers: ['/a'], dataLowers: ['/d1', '/d2'] }],
  ['lowerdir=/a::/d1:/c', /single colon|after ::|data-only/],
  ['lowerdir+=/a:b', { lowers: ['/l', '/a:b'] }],
  ['datadir+=/d', { dataLowers: ['/d'] }],
  ['upperdir=/v', { upper: '/v' }],
  ['workdir=/x', { work: '/x' }],
  ['default_permissions', nothing],
  ['redirect_dir=on', { redirectDir: 'on' }],
  ['redirect_dir=follow', { redirectDir: 'follow' }],
  ['redirect_dir=nofollow', { redirectDir: 'nofollow' }],
  ['redirect_dir=off', { redirectDir: 'follow' }],
  ['index=on', { index: true }],
  ['index=off', { index: false }],
  ['uuid=on', { uuid: 'on' }],
  ['uuid=auto', { uuid: 'auto' }],
  ['uuid=null', { uuid: 'null' }],
  ['uuid=off', { uuid: 'off' }],
  ['nfs_export=off', nothing],
  ['nfs_export=on', /nfs_export=on: file handles of a FUSE mount/],
  ['userxattr', { format: 'kernel-user', redirectDir: 'nofollow', metacopy: false }],
  ['userxattr,metacopy=on', /userxattr and metacopy=on exclude each other/],
  ['xino=on', { xino: 'on' }],
  ['xino=off', { xino: 'off' }],
  ['xino=auto', { xino: 'auto' }],
  ['metacopy=on', { metacopy: true, redirectDir: 'on' }],
  ['metacopy=off', { metacopy: false }],
  ['metacopy=on,redirect_dir=off', /metacopy=on and redirect_dir=off exclude each other/],
  ['verity=off', nothing],
  ['verity=on', /verity=on: digests of fs-verity are not checked/],
  ['verity=require', /verity=require: digests of fs-verity are not checked/],
  ['volatile', { sync: 'volatile' }],
  ['fsync=auto', { sync: 'auto' }],
  ['fsync=ordered', { sync: 'auto' }],
  ['fsync=strict', { sync: 'strict' }],
  ['fsync=volatile', { sync: 'volatile' }],
  ['override_creds', nothing],
  ['nooverride_creds', nothing],
]

const fuseOverlayfs: readonly Row[] = [
  ['lowerdir=/a:/b', { lowers: ['/a', '/b'] }],
  ['upperdir=/v', { upper: '/v' }],
  ['workdir=/x', { work: '/x' }],
  ['redirect_dir=off', { redirectDir: 'nofollow' }],
  ['redirect_dir=on', /redirect_dir=on needs the kernel's format/],
  ['context=a', nothing],
  [
    'uidmapping=1000:0:1:100000:1:65536',
    {
      uidMap: [
        { outside: 1000, inside: 0, count: 1 },
        { outside: 100_000, inside: 1, count: 65_536 },
      ],
    },
  ],
  ['gidmapping=:7:0:1', { gidMap: [{ outside: 7, inside: 0, count: 1 }] }],
  ['uidmapping=1:2', /uidmapping/],
  ['squash_to_root', { squashUid: 0, squashGid: 0 }],
  ['squash_to_root,squash_to_uid=7', { squashUid: 7, squashGid: 0 }],
  ['squash_to_gid=8', { squashUid: null, squashGid: 8 }],
  ['timeout=0', { timeout: 0 }],
  ['timeout=1.5', { timeout: 1.5 }],
  ['threaded=0', nothing],
  ['threaded=1', nothing],
  ['fsync=0', { sync: 'none' }],
  ['fsync=1', { sync: 'fsync-only' }],
  ['sync=0', { sync: 'none' }],
  ['volatile', { sync: 'none' }],
  ['writeback=0', nothing],
  ['writeback=1', nothing],
  ['fast_ino=1', nothing],
  ['fast_ino_check=1', nothing],
  ['noxattrs=1', { noXattrs: true }],
  ['noxattrs=0', { noXattrs: false }],
  ['xattr_permissions=0', { xattrPermissions: 0 }],
  ['xattr_permissions=1', { xattrPermissions: 1 }],
  ['xattr_permissions=2', { xattrPermissions: 2 }],
  ['xattr_permissions=3', /xattr_permissions=3 is not understood/],
  ['noacl', { noAcl: true }],
  ['static_nlink', { staticNlink: true }],
  ['ino32_t', { ino32: true }],
  ['xino=off', { xino: 'off' }],
  ['xino=auto', { xino: 'auto' }],
  ['xino=on', { xino: 'on' }],
  ['plugins=/p.so', /plugins: plug-ins cannot be loaded/],
  ['allow_root', /allow_root: it cannot be enforced/],
  ['default_permissions', nothing],
  ['allow_other', { allowOther: true }],
  ['suid', { flags: MS_NODEV | MS_NOATIME }],
  ['nosuid', { flags: MS_NODEV | MS_NOATIME | MS_NOSUID }],
  ['dev', { flags: MS_NOATIME }],
  ['nodev', { flags: MS_NODEV | MS_NOATIME }],
  ['exec', { flags: MS_NODEV | MS_NOATIME }],
  ['noexec', { flags: MS_NODEV | MS_NOATIME | MS_NOEXEC }],
  ['atime', { flags: MS_NODEV }],
  ['noatime', { flags: MS_NODEV | MS_NOATIME }],
  ['diratime', { flags: MS_NODEV | MS_NOATIME }],
  ['nodiratime', { flags: MS_NODEV | MS_NOATIME | MS_NODIRATIME }],
  ['ro', { flags: MS_NODEV | MS_NOATIME | MS_RDONLY }],
  ['rw', { flags: MS_NODEV | MS_NOATIME }],
  ['splice_write', nothing],
  ['splice_read', nothing],
  ['splice_move', nothing],
  ['kernel_cache', nothing],
  ['max_write=65536', nothing],
]

function plan(options: string, how: Circumstances): Record<string, unknown> {
  const request = parseOptions([options], 'refuse')
  const overlay = planOverlay(request, how)
  const device = planDevice(request, how, null, overlay.upper === null)
  return { ...device, ...overlay }
}

for (const [name, table, how] of [
  ['kernel overlayfs', kernel, given()],
  ['fuse-overlayfs', fuseOverlayfs, dropIn()],
] as const) {
  void t.test(`the options of ${name}`, async t => {
    const plain = plan(LAYERS, how)
    for (const [option, comes] of table) {
      const run = (): Record<string, unknown> => plan(`${LAYERS},${option}`, how)
      if (!(comes instanceof RegExp)) {
        t.match(run(), { ...(comes === nothing ? plain : comes) }, option)
        continue
      }
      try {
        t.fail(option, { got: run() })
      } catch (error) {
        if (!(error instanceof MountError)) throw error
        t.match(error.message, comes, option)
        t.notMatch(error.message, /\n/, 'in one line')
      }
    }
  })
}

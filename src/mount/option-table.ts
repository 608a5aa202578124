// Every option by name: kernel overlayfs's, fuse-overlayfs's, those of mount(8), and our own. An
// option that is not here is unknown. Defaults and conflicts are not decided here.
import {
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
  MS_UNBINDABLE,
} from '../sys/constants.js'
import {
  accepted,
  choice,
  flag,
  integer,
  mountFlags,
  onOff,
  refused,
  text,
  type OptionRule,
} from './option-rules.js'
import { unescapePath } from './layer-paths.js'
import { MountError } from './mount-error.js'
import type { MountRequest } from './mount-request.js'

/** The rule of an option, or undefined for one that nobody knows. */
export function optionRule(name: string): OptionRule | undefined {
  return RULES.get(name) ?? (/^[xX]-/.test(name) ? accepted : undefined)
}

const MAX_ID = 0xffff_fffe
const FOR_EVER = 1e9

/** The atime options exclude each other (mount(8)); nodiratime goes with any of them. */
const ATIME = MS_NOATIME | MS_RELATIME | MS_STRICTATIME

/** on, off, or `programs`: those of the lowers too, where the mount is writable. */
const passthrough: OptionRule = (request, value, name) => {
  request.passesPrograms = value === 'programs'
  if (request.passesPrograms) request.passthrough = true
  else onOff((r, on) => (r.passthrough = on))(request, value, name)
}

const layers: [string, OptionRule][] = [
  // As the kernel's: a second `lowerdir=` takes the place of the first.
  [
    'lowerdir',
    text((request, value) => {
      request.lowerTexts = [{ option: 'lowerdir', text: value }]
    }),
  ],
  [
    'lowerdir+',
    text((r, value) => r.lowerTexts.push({ option: 'lowerdir+', text: value })),
  ],
  [
    'datadir+',
    text((r, value) => r.lowerTexts.push({ option: 'datadir+', text: value })),
  ],
  ['upperdir', text((r, value) => (r.upperText = value))],
  ['workdir', text((r, value) => (r.workText = value))],
]

/** fs/overlayfs/params.c, ovl_parameter_spec. */
const kernelOverlay: [string, OptionRule][] = [
  [
    'redirect_dir',
    choice(['on', 'follow', 'nofollow', 'off'], (r, word) => (r.redirectDir = word)),
  ],
  ['index', onOff((r, on) => (r.index = on))],
  ['uuid', choice(['on', 'off', 'auto', 'null'], (r, word) => (r.uuid = word))],
  ['nfs_export', onOff((r, on) => (r.nfsExport = on))],
  ['userxattr', flag((r, on) => (r.userxattr = on))],
  ['xino', choice(['on', 'off', 'auto'], (r, word) => (r.xino = word))],
  ['metacopy', onOff((r, on) => (r.metacopy = on))],
  ['verity', choice(['off', 'on', 'require'], (r, word) => (r.verity = word))],
  // `ordered` is what some kernels call `auto`.
  [
    'fsync',
    choice(['auto', 'ordered', 'strict', 'volatile', '0', '1'], (r, word) => {
      r.fsync = word === 'ordered' ? 'auto' : word
    }),
  ],
  ['volatile', flag((r, on) => (r.fsync = on ? 'volatile' : null))],
  ['default_permissions', accepted],
  // Both say whose credentials work on the layers: always those of the mounter here.
  ['override_creds', accepted],
  ['nooverride_creds', accepted],
]

/** fuse-overlayfs.1, and what of libfuse's it passes on. */
const fuseOverlayfs: [string, OptionRule][] = [
  ['uidmapping', text((r, value) => (r.uidMapping = value))],
  ['gidmapping', text((r, value) => (r.gidMapping = value))],
  ['squash_to_root', flag((r, on) => (r.squashToRoot = on))],
  ['squash_to_uid', integer(0, MAX_ID, (r, id) => (r.squashToUid = id))],
  ['squash_to_gid', integer(0, MAX_ID, (r, id) => (r.squashToGid = id))],
  ['timeout', seconds],
  ['noxattrs', flag((r, on) => (r.noXattrs = on))],
  [
    'xattr_permissions',
    choice(['0', '1', '2'], (r, word) => (r.xattrPermissions = level(word))),
  ],
  ['noacl', flag((r, on) => (r.noAcl = on))],
  ['static_nlink', flag((r, on) => (r.staticNlink = on))],
  ['ino32_t', flag((r, on) => (r.ino32 = on))],
  [
    'plugins',
    refused('plug-ins cannot be loaded', 'list plain directories in lowerdir='),
  ],
  // Ways of working that fuse-overlayfs lets choose; there is one way here.
  ...['threaded', 'writeback', 'fast_ino', 'fast_ino_check'].map(always),
  ...['splice_write', 'splice_read', 'splice_move', 'kernel_cache', 'clone_fd'].map(
    always,
  ),
  ['max_write', integer(4096, 1 << 20, (r, bytes) => (r.maxWrite = bytes))],
  ['max_read', integer(4096, 1 << 20, (r, bytes) => (r.maxRead = bytes))],
  ['allow_other', flag((r, on) => (r.allowOther = on))],
  [
    'allow_root',
    refused(
      'it cannot be enforced, since the kernel answers from its caches',
      'use allow_other (permissions are checked) or neither',
    ),
  ],
  ['fsname', text((r, value) => (r.source = unescapePath(value, 'drop-in')))],
  ['subtype', text((r, value) => (r.subtype = unescapePath(value, 'drop-in')))],
  ['debug', flag((r, on) => (r.debug = on))],
]

/** mount(8), filesystem-independent options. */
const generic: [string, OptionRule][] = [
  ['ro', mountFlags(MS_RDONLY, 0)],
  ['rw', mountFlags(0, MS_RDONLY)],
  ['suid', mountFlags(0, MS_NOSUID)],
  ['nosuid', mountFlags(MS_NOSUID, 0)],
  ['dev', mountFlags(0, MS_NODEV)],
  ['nodev', mountFlags(MS_NODEV, 0)],
  ['exec', mountFlags(0, MS_NOEXEC)],
  ['noexec', mountFlags(MS_NOEXEC, 0)],
  ['symfollow', mountFlags(0, MS_NOSYMFOLLOW)],
  ['nosymfollow', mountFlags(MS_NOSYMFOLLOW, 0)],
  ['atime', mountFlags(0, MS_NOATIME)],
  ['noatime', mountFlags(MS_NOATIME, ATIME & ~MS_NOATIME)],
  ['relatime', mountFlags(MS_RELATIME, ATIME & ~MS_RELATIME)],
  ['norelatime', mountFlags(0, MS_RELATIME)],
  ['strictatime', mountFlags(MS_STRICTATIME, ATIME & ~MS_STRICTATIME)],
  ['nostrictatime', mountFlags(0, MS_STRICTATIME)],
  ['diratime', mountFlags(0, MS_NODIRATIME)],
  ['nodiratime', mountFlags(MS_NODIRATIME, 0)],
  ['lazytime', mountFlags(MS_LAZYTIME, 0)],
  ['nolazytime', mountFlags(0, MS_LAZYTIME)],
  ['sync', syncOrAlias],
  ['async', mountFlags(0, MS_SYNCHRONOUS)],
  ['dirsync', mountFlags(MS_DIRSYNC, 0)],
  ['remount', flag(r => (r.remount = true))],
  ...propagations(['private', MS_PRIVATE]),
  ...propagations(['shared', MS_SHARED]),
  ...propagations(['slave', MS_SLAVE]),
  ...propagations(['unbindable', MS_UNBINDABLE]),
  ...['context', 'fscontext', 'defcontext', 'rootcontext'].map(securityContext),
  // For mount(8) and fstab only, or without a meaning since Linux 5.15 (mand).
  ...['defaults', 'auto', 'noauto', 'user', 'nouser', 'users', 'nousers'].map(always),
  ...['owner', 'noowner', 'group', 'nogroup', '_netdev', 'nofail', 'comment'].map(always),
  ...['mand', 'nomand', 'silent', 'loud', 'iversion', 'noiversion'].map(always),
  // What a mount table shows of a FUSE mount comes back with `mount -o remount`.
  ...['user_id', 'group_id', 'rootmode', 'fd'].map(always),
]

const own: [string, OptionRule][] = [
  [
    'format',
    choice(['kernel', 'fuse-overlayfs', 'aufs'], (r, word) => (r.format = word)),
  ],
  ['passthrough', passthrough],
  ['no_open', onOff((r, on) => (r.noOpen = on))],
  ['transport', choice(['device', 'fuse-native'], (r, word) => (r.transport = word))],
  ['proto_minor', integer(31, 99, (r, minor) => (r.protocolMinor = minor))],
  [
    'max_stack_depth',
    choice(['1', '2'], (r, w) => (r.maxStackDepth = w === '1' ? 1 : 2)),
  ],
]

const RULES: ReadonlyMap<string, OptionRule> = new Map([
  ...layers,
  ...kernelOverlay,
  ...fuseOverlayfs,
  ...generic,
  ...own,
])

function always(name: string): [string, OptionRule] {
  return [name, accepted]
}

function level(word: '0' | '1' | '2'): 0 | 1 | 2 {
  return word === '0' ? 0 : word === '1' ? 1 : 2
}

/** Seconds with a fraction; fuse-overlayfs's default of a thousand million stands for ever. */
function seconds(request: MountRequest, value: string | null): void {
  const number = value !== null && /^[0-9]+(\.[0-9]*)?$/.test(value) ? Number(value) : NaN
  if (Number.isNaN(number)) {
    throw new MountError(
      `option timeout${value === null ? '' : `=${value}`} needs a number of seconds`,
      'write timeout=0 to look every name up anew, or leave it out',
    )
  }
  request.timeout = number >= FOR_EVER ? Infinity : number
}

/** The Rust fuse-overlayfs writes fsync=0|1 as sync=0|1 too; without a value it is mount(8)'s. */
function syncOrAlias(request: MountRequest, value: string | null, name: string): void {
  if (value === null) mountFlags(MS_SYNCHRONOUS, 0)(request, value, name)
  else choice(['0', '1'], (r, word) => (r.fsync = word))(request, value, name)
}

/** `private` and `rprivate`: a fresh mount has no mounts below it. */
function propagations([name, bit]: [string, number]): [string, OptionRule][] {
  const rule: OptionRule = request => {
    request.propagation = bit
  }
  return [
    [name, rule],
    [`r${name}`, rule],
  ]
}

function securityContext(name: string): [string, OptionRule] {
  return [name, text((r, value) => r.securityContext.push(`${name}=${value}`))]
}

// From a request to what the overlay is told: the defaults of each form of the command, and which
// options go together. Pure. The rules for the kernel's formats are those of ovl_fs_params_verify
// (fs/overlayfs/params.c); a conflict that the kernel answers with EINVAL is an error here too.
import type { Format, OverlayOptions } from '../overlay/options.js'
import type { Circumstances } from './circumstances.js'
import { MS_SYNCHRONOUS } from '../sys/constants.js'
import { parseIdMapping } from './id-mapping.js'
import { splitLowerdir, unescapePath, type Dialect } from './layer-paths.js'
import { MountError } from './mount-error.js'
import type { MountRequest } from './mount-request.js'

/** Absolute, not yet looked at. */
interface LayerPaths {
  readonly lowers: readonly string[]
  readonly dataLowers: readonly string[]
  readonly upper: string | null
  readonly work: string | null
}

type Features = Pick<OverlayOptions, 'redirectDir' | 'index' | 'metacopy' | 'uuid'>

/** The overlay that was asked for. Throws a MountError for what cannot be had together. */
export function planOverlay(request: MountRequest, given: Circumstances): OverlayOptions {
  const format = chooseFormat(request, given)
  const isKernel = format === 'kernel-trusted' || format === 'kernel-user'
  const paths = layerPaths(request, given, isKernel)
  return {
    ...paths,
    archive: null,
    format,
    dotWhiteouts: given.form === 'drop-in' && given.deviceWhiteoutsForbidden,
    ...(isKernel
      ? kernelFeatures(request, given, format, paths.upper !== null)
      : plainFeatures(request, given)),
    xino: request.xino ?? (given.form === 'drop-in' ? 'off' : 'on'),
    sync: chooseSync(request, given, isKernel, paths.upper !== null),
    staticNlink: request.staticNlink ?? given.form !== 'drop-in',
    timeout: request.timeout ?? Infinity,
    noXattrs: request.noXattrs,
    noAcl: request.noAcl,
    xattrPermissions: choosePermissions(request, isKernel),
    ino32: request.ino32,
    ...ownership(request),
    readOnly: paths.upper === null,
    attachesUpper: false,
    passthrough: choosePassthrough(request, given, paths.upper !== null),
    passesPrograms: request.passesPrograms,
    noOpen: chooseNoOpen(request, paths.upper !== null),
    maxStackDepth: request.maxStackDepth ?? 1,
  }
}

/**
 * Without the right to `trusted.` attributes the kernel's format can only be the user one, as
 * with `userxattr`. `userxattr` asks for the kernel's format in every form of the command.
 */
function chooseFormat(request: MountRequest, given: Circumstances): Format {
  const asked =
    request.format ??
    (given.form === 'drop-in' && !request.userxattr ? 'fuse-overlayfs' : 'kernel')
  if (asked === 'kernel') {
    return request.userxattr || !given.mayTrusted ? 'kernel-user' : 'kernel-trusted'
  }
  if (request.userxattr) {
    throw new MountError(
      `userxattr is a form of the kernel's format, not of format=${asked}`,
      'leave one of them out',
    )
  }
  return asked
}

function layerPaths(
  request: MountRequest,
  given: Circumstances,
  isKernel: boolean,
): LayerPaths {
  const dialect: Dialect = given.form === 'drop-in' && !isKernel ? 'drop-in' : 'kernel'
  const lowers: string[] = []
  const dataLowers: string[] = []
  for (const { option, text } of request.lowerTexts) {
    if (option === 'lowerdir') {
      const split = splitLowerdir(text, dialect)
      lowers.push(...split.lowers)
      dataLowers.push(...split.dataLowers)
    } else {
      // One layer each, so that its colons need no escape.
      const path = unescapePath(text, 'drop-in')
      if (option === 'datadir+') dataLowers.push(path)
      else lowers.push(path)
    }
  }
  const absolute = (path: string): string => makeAbsolute(path, given.cwd)
  const upper =
    request.upperText === null ? null : unescapePath(request.upperText, dialect)
  const work = request.workText === null ? null : unescapePath(request.workText, dialect)
  refuseIncomplete(lowers, dataLowers, upper, work, isKernel)
  return {
    lowers: lowers.map(absolute),
    dataLowers: dataLowers.map(absolute),
    upper: upper === null ? null : absolute(upper),
    // Useless without an upper, and ignored as the kernel does.
    work: upper === null || work === null ? null : absolute(work),
  }
}

function refuseIncomplete(
  lowers: readonly string[],
  dataLowers: readonly string[],
  upper: string | null,
  work: string | null,
  isKernel: boolean,
): void {
  if (lowers.length === 0) {
    throw new MountError('no lower directory is given', 'add -o lowerdir=DIR[:DIR...]')
  }
  for (const path of [...lowers, ...dataLowers, upper, work]) {
    if (path === '') throw new MountError('a layer has an empty path', 'name a directory')
  }
  if (upper !== null && work === null) {
    throw new MountError(
      'upperdir= needs a work directory',
      'add workdir=DIR, a directory on the same mount as the upper and beside it',
    )
  }
  if (dataLowers.length > 0 && !isKernel) {
    throw new MountError(
      "data-only layers exist in the kernel's format alone",
      'add format=kernel, or leave them out',
    )
  }
}

function makeAbsolute(path: string, cwd: string): string {
  return path.startsWith('/') ? path : cwd === '/' ? `/${path}` : `${cwd}/${path}`
}

function kernelFeatures(
  request: MountRequest,
  given: Circumstances,
  format: Format,
  hasUpper: boolean,
): Features {
  const isUser = format === 'kernel-user'
  refuseImpossible(request)
  if (isUser) refuseWithUserxattr(request)
  refuseConflicts(request)
  if (!given.mayTrusted) refuseWithoutHandles(request)
  const metacopy = request.metacopy ?? false
  return {
    redirectDir: metacopy ? 'on' : chooseRedirect(request, given, isUser),
    // Without an upper there is nothing to index (the kernel ignores index=on then).
    index: hasUpper && (request.index ?? wantsIndex(given)),
    metacopy: metacopy && hasUpper,
    uuid: chooseUuid(request, hasUpper),
  }
}

/** Index entries are opened by handle, which takes CAP_DAC_READ_SEARCH (ovl_can_decode_fh). */
function wantsIndex(given: Circumstances): boolean {
  return given.form !== 'drop-in' && given.mayTrusted
}

function refuseWithoutHandles(request: MountRequest): void {
  if (request.index !== true) return
  throw new MountError(
    "index=on needs the right to open files by handle, which is root's",
    'leave it out, or mount as root',
  )
}

/** What a promise would be that nobody keeps here. */
function refuseImpossible(request: MountRequest): void {
  if (request.verity !== null && request.verity !== 'off') {
    throw new MountError(
      `verity=${request.verity}: digests of fs-verity are not checked by plyfs`,
      'leave it out, or mount with the kernel: mount -t overlay',
    )
  }
  if (request.nfsExport === true) {
    throw new MountError(
      'nfs_export=on: file handles of a FUSE mount do not outlive it',
      'leave it out, or mount with the kernel: mount -t overlay',
    )
  }
}

function refuseConflicts(request: MountRequest): void {
  if (request.metacopy !== true) return
  const redirectDir = request.redirectDir ?? 'on'
  if (redirectDir !== 'on') throw conflict('metacopy=on', `redirect_dir=${redirectDir}`)
}

/**
 * `off` follows redirects that are there, as a kernel built with its default
 * CONFIG_OVERLAY_FS_REDIRECT_ALWAYS_FOLLOW does. Under `user.` attributes, which any owner of a
 * file can write, they are obeyed only when asked for; the kernel never does.
 */
function chooseRedirect(
  request: MountRequest,
  given: Circumstances,
  isUser: boolean,
): Features['redirectDir'] {
  const off = isUser ? 'nofollow' : 'follow'
  if (request.redirectDir !== null) {
    return request.redirectDir === 'off' ? off : request.redirectDir
  }
  return given.form === 'drop-in' || isUser ? off : 'on'
}

function chooseUuid(request: MountRequest, hasUpper: boolean): OverlayOptions['uuid'] {
  if (request.uuid === 'on' && !hasUpper) return 'null'
  return request.uuid ?? 'auto'
}

/** What the kernel refuses together with userxattr, but for redirects. */
function refuseWithUserxattr(request: MountRequest): void {
  const name = request.userxattr ? 'userxattr' : "attributes of the 'user.' kind"
  if (request.metacopy === true) throw conflict(name, 'metacopy=on')
}

function conflict(one: string, other: string): MountError {
  return new MountError(`${one} and ${other} exclude each other`, 'leave one of them out')
}

/** The formats of fuse-overlayfs and AUFS have none of the kernel's features. */
function plainFeatures(request: MountRequest, given: Circumstances): Features {
  if (request.redirectDir === 'on' || request.redirectDir === 'follow') {
    throw new MountError(
      `redirect_dir=${request.redirectDir} needs the kernel's format`,
      'write redirect_dir=off, or add format=kernel',
    )
  }
  // fuse-overlayfs goes on without options it does not know, and so do we in its form.
  if (given.form !== 'drop-in') {
    for (const option of kernelOnly(request)) {
      throw new MountError(
        `${option} needs the kernel's format`,
        'leave it out, or write format=kernel',
      )
    }
  }
  return {
    redirectDir: 'nofollow',
    index: false,
    metacopy: false,
    uuid: 'null',
  }
}

/** Options that were asked for and mean nothing outside the kernel's format, as written. */
export function kernelOnly(request: MountRequest): string[] {
  return [
    ...(request.index === true ? ['index=on'] : []),
    ...(request.metacopy === true ? ['metacopy=on'] : []),
    ...(request.nfsExport === true ? ['nfs_export=on'] : []),
    ...(request.verity !== null && request.verity !== 'off'
      ? [`verity=${request.verity}`]
      : []),
  ]
}

/** fuse-overlayfs's `volatile` leaves no marker behind; the kernel's does. */
function chooseSync(
  request: MountRequest,
  given: Circumstances,
  isKernel: boolean,
  hasUpper: boolean,
): OverlayOptions['sync'] {
  switch (request.fsync) {
    case null:
      return given.form === 'drop-in' ? 'fsync-only' : 'auto'
    case '0':
      return 'none'
    case '1':
      return 'fsync-only'
    case 'volatile':
      if (!hasUpper) return 'auto'
      return isKernel ? 'volatile' : 'none'
    case 'auto':
    case 'strict':
      return request.fsync
  }
}

/**
 * With `sync` each write ends on the disk. The kernel sees to that for writes that come to us
 * (generic_write_sync), and not for those that pass us by: fuse_passthrough_write_iter hands on what
 * the open file says, which does not know of the mount.
 */
function choosePassthrough(
  request: MountRequest,
  given: Circumstances,
  hasUpper: boolean,
): boolean {
  const isSync = hasUpper && (request.flagsOn & MS_SYNCHRONOUS) !== 0
  if (!isSync) return request.passthrough ?? !given.passthroughForbidden
  if (request.passthrough !== true) return false
  throw new MountError(
    'sync and passthrough=on exclude each other',
    'leave one of them out',
  )
}

/** Off by default: it costs passthrough (docs/performance.md has both in figures). */
function chooseNoOpen(request: MountRequest, hasUpper: boolean): boolean {
  if (request.noOpen !== true) return false
  if (!hasUpper) return true
  throw new MountError(
    'no_open=on needs a mount without an upper directory',
    'leave one of them out',
  )
}

function choosePermissions(request: MountRequest, isKernel: boolean): 0 | 1 | 2 {
  if (isKernel && request.xattrPermissions !== 0) {
    throw new MountError(
      `xattr_permissions=${request.xattrPermissions} needs fuse-overlayfs's format`,
      'add format=fuse-overlayfs, or leave it out',
    )
  }
  return request.xattrPermissions
}

function ownership(
  request: MountRequest,
): Pick<OverlayOptions, 'uidMap' | 'gidMap' | 'squashUid' | 'squashGid'> {
  const root = request.squashToRoot ? 0 : null
  return {
    uidMap:
      request.uidMapping === null ? [] : parseIdMapping('uidmapping', request.uidMapping),
    gidMap:
      request.gidMapping === null ? [] : parseIdMapping('gidmapping', request.gidMapping),
    squashUid: request.squashToUid ?? root,
    squashGid: request.squashToGid ?? root,
  }
}

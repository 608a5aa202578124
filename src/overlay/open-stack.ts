// Opens the layers of an overlay and prepares its work directory, before anything is mounted.
// What it changes on disk is what kernel overlayfs changes at a mount: `work/`, `index/`.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type { FdCache } from '../layer/fd-cache.js'
import { openArchivedLowers } from '../layer/archive-layer/archived-lowers.js'
import { layerFormat, type LayerFormat } from '../layer/format.js'
import { type Layer, openLower, openLowers, openUpper } from '../layer/layer.js'
import { log } from '../log/log.js'
import {
  applyOverride,
  overrideOf,
  overrideToWrite,
  writeOverride,
} from '../layer/owner-override.js'
import { S_IFCHR, S_IFDIR } from '../sys/constants.js'
import { fsync } from '../sys/file.js'
import { mkdirat, mknodat, unlinkat } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { IndexDirectory } from './index-directory.js'
import { InodeNumbers } from './inode-numbers.js'
import type { OverlayOptions } from './options.js'
import { initializeUuid } from './persistent-uuid.js'
import type { Stack } from './union.js'
import { WorkDirectory } from './work-directory.js'

/** What is served from the start, and what it becomes once the upper is attached. */
export interface OpenedStack {
  readonly stack: Stack
  /** Prepares the upper and its work directory; null where the upper is there from the start. */
  readonly withUpper: (() => Stack) | null
  /** Gives back what was opened. */
  readonly close: () => void
}

/**
 * Opens everything. Throws FsError; nothing stays open then, in `fds` neither.
 * `atime` is the MOUNT_ATTR_ value of the mount's access-time rule.
 */
export function openStack(
  options: OverlayOptions,
  fds: FdCache,
  atime: number,
): OpenedStack {
  const opened: Closer[] = []
  const close = (): void => {
    fds.shrink()
    for (const one of opened.splice(0)) one()
  }
  try {
    return { ...openParts(options, fds, atime, opened), close }
  } catch (error) {
    close()
    throw error
  }
}

/** Closes one thing that is open. */
type Closer = () => void

function openParts(
  options: OverlayOptions,
  fds: FdCache,
  atime: number,
  opened: Closer[],
): Omit<OpenedStack, 'close'> {
  const kept = (layer: Layer): Layer => {
    opened.push(() => {
      layer.close()
    })
    return layer
  }
  const lowers = openAllLowers(options, kept, opened)
  const dataLowers = options.dataLowers.map(path => kept(openLower(path)))
  const pair =
    options.upper === null || options.work === null
      ? null
      : openUpper(options.upper, options.work, atime)
  const upper = pair === null ? null : kept(pair.upper)
  if (pair !== null) kept(pair.work)
  number(upper, lowers, dataLowers)
  const filesystems = numberFilesystems(upper, [...lowers, ...dataLowers])
  leaveUuidsOut(options, filesystems, [...lowers, ...dataLowers], upper)
  const below = {
    lowers,
    dataLowers,
    inodeNumbers: new InodeNumbers(filesystems, options.ino32),
  }
  const later = options.attachesUpper && pair !== null
  return {
    stack: later ? withoutUpper(options, below) : withUpper(options, below, pair, fds),
    withUpper: later ? () => withUpper(options, below, pair, fds) : null,
  }
}

/** The lowers, in directories or in an archive. */
function openAllLowers(
  { lowers, archive, format }: OverlayOptions,
  kept: (layer: Layer) => Layer,
  opened: Closer[],
): Layer[] {
  if (archive === null) return openLowers(lowers).map(kept)
  const { layers, close } = openArchivedLowers(archive, layerFormat(format, true, false))
  layers.forEach(kept)
  opened.push(close)
  return layers
}

type Below = Pick<Stack, 'lowers' | 'dataLowers' | 'inodeNumbers'>

function withoutUpper(options: OverlayOptions, below: Below): Stack {
  const format = layerFormat(options.format, true, options.dotWhiteouts)
  if (!format.redirects)
    findOverrides(options, null, [...below.lowers, ...below.dataLowers], false)
  return { ...below, format, upper: null, work: null, index: null }
}

function withUpper(
  options: OverlayOptions,
  below: Below,
  pair: { readonly upper: Layer; readonly work: Layer } | null,
  fds: FdCache,
): Stack {
  const upper = pair?.upper ?? null
  const writable = pair !== null && !options.readOnly
  const devices = writable && canMakeDevices(pair.work)
  const format = layerFormat(options.format, devices, options.dotWhiteouts)
  if (!format.redirects)
    findOverrides(options, upper, [...below.lowers, ...below.dataLowers], writable)
  const indexed = writable && hasIndex(options, pair.upper, below.lowers, format)
  if (indexed) IndexDirectory.verify(pair.work, pair.upper, below.lowers, format.xattrs)
  const work = writable ? WorkDirectory.prepare(pair.work, fds, format) : null
  if (work !== null && options.sync === 'volatile') markVolatile(pair?.work)
  if (writable && format.redirects)
    initializeUuid(pair.upper.rootFd, format.xattrs, options.uuid)
  const index = indexed
    ? IndexDirectory.prepare(pair.work, pair.upper, below.lowers, fds, format.xattrs)
    : null
  return { ...below, format, upper, work, index }
}

/**
 * Owners kept as attributes, in the formats of fuse-overlayfs and AUFS. Asked to write them, the
 * upper's root says so from now on, as the topmost lower that has them or as `0:0:0555`.
 */
function findOverrides(
  options: OverlayOptions,
  upper: Layer | null,
  lowers: readonly Layer[],
  writable: boolean,
): void {
  for (const layer of lowers) layer.override = overrideOf(layer.rootFd)
  if (upper === null) return
  upper.override = overrideOf(upper.rootFd)
  if (upper.override !== null || options.xattrPermissions === 0 || !writable) return
  const record = new Uint32Array(STAT_WORDS)
  record[ST.mode] = S_IFDIR | 0o555
  const model = lowers.find(layer => layer.override !== null)
  if (model?.override != null) applyOverride(model.override, model.rootFd, '', record)
  upper.override = overrideToWrite(options.xattrPermissions)
  const error = writeOverride(upper.override, upper.rootFd, '', record)
  if (error < 0) throw new FsError(error, 'setxattr', upper.override)
}

function number(upper: Layer | null, lowers: Layer[], dataLowers: Layer[]): void {
  if (upper !== null) upper.index = 0
  ;[...lowers, ...dataLowers].forEach((layer, i) => (layer.index = i + 1))
}

/** ovl_get_fsid: number 0 is the upper's filesystem, whether there is an upper or not. */
function numberFilesystems(upper: Layer | null, lowers: readonly Layer[]): number {
  const seen: Layer[] = upper === null ? [] : [upper]
  for (const layer of lowers) {
    const known = seen.findIndex(other => other.isOnFilesystemOf(layer))
    layer.fsid = known >= 0 ? known : seen.push(layer) - 1
  }
  refuseSharedUuids(lowers)
  return seen.length
}

/**
 * ovl_lower_uuid_ok: a handle says by its UUID which filesystem it is of, so those that share
 * one have none that could be followed.
 */
function refuseSharedUuids(lowers: readonly Layer[]): void {
  for (const layer of lowers)
    if (lowers.some(other => other.fsid !== layer.fsid && other.uuid.equals(layer.uuid)))
      layer.hasHandles = false
}

/**
 * uuid=off: handles say nothing of the filesystem they are of, so that layers can be copied with
 * their disk. With several filesystems that would be ambiguous (ovl_fill_super).
 */
function leaveUuidsOut(
  options: OverlayOptions,
  filesystems: number,
  lowers: readonly Layer[],
  upper: Layer | null,
): void {
  if (options.uuid !== 'off') return
  if (filesystems > 1) {
    log.warn('uuid=off needs all layers on one filesystem; going on with uuid=null')
    return
  }
  for (const layer of upper === null ? lowers : [upper, ...lowers]) {
    layer.uuid.fill(0)
    layer.anyUuid = true
  }
}

/** fuse-overlayfs asks by trying, and so do we; the kernel allows 0/0 devices to everyone since 5.8. */
function canMakeDevices(work: Layer): boolean {
  const name = '#device'
  unlinkat(work.rootFd, name, 0)
  const made = mknodat(work.rootFd, name, S_IFCHR, 0)
  if (made >= 0) unlinkat(work.rootFd, name, 0)
  return made >= 0
}

/** Whether hard links are kept together by an index; says so where they were to be, and cannot. */
function hasIndex(
  options: OverlayOptions,
  upper: Layer,
  lowers: readonly Layer[],
  format: LayerFormat,
): boolean {
  if (!options.index || !format.redirects) return false
  const without = [upper, ...lowers].find(layer => !layer.hasHandles)
  if (without !== undefined) {
    log.warn(
      `${without.path}: its filesystem has no file handles or no UUID; going on with index=off (hard links break on copy-up)`,
    )
    return false
  }
  return true
}

/** ovl_create_volatile_dirty: a crash leaves the mark, and the next mount is refused. */
function markVolatile(work: Layer | undefined): void {
  if (work === undefined) return
  for (const name of [
    'work/incompat',
    'work/incompat/volatile',
    'work/incompat/volatile/dirty',
  ]) {
    const made = mkdirat(work.rootFd, name, 0o700)
    if (made < 0 && made !== -E.EEXIST)
      throw new FsError(made, 'mkdir', `${work.path}/${name}`)
  }
  fsync(work.rootFd)
}

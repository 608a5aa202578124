// The driver `overlay2`: the kernel's overlayfs on the store's own layers, with plyfs's defaults, so
// that a writable layer of the one is one of the other.
import * as fs from 'node:fs'
import { type LayerCheck, openVerification } from '../../image/verify.js'
import type { LayerMaker } from '../../image/store/writable.js'
import { nodePath } from '../../image/store/store-place.js'
import { describeErrno } from '../../errno/fs-error.js'
import { openScratchFolder, type Scratch } from '../../image/store/scratch.js'
import { AT_FDCWD, FSCONFIG_SET_STRING, FSOPEN_CLOEXEC } from '../../sys/constants.js'
import { close } from '../../sys/file.js'
import { fsconfig, fsopen, mount } from '../../sys/mount.js'
import { escapePath } from '../layer-paths.js'
import { MountError } from '../mount-error.js'
import type { MountRequest } from '../mount-request.js'
import { detach, openBind, openFilesystem, type Parameters } from './detached.js'
import type { Driver, DriverContext } from './driver.js'

/** Bytes that mount(2) takes as options. */
const PAGE = 4096
/** Bytes that fsconfig(2) takes as a value, its NUL among them. */
const LONGEST_VALUE = 256

export class Overlay2 implements Driver {
  readonly isFilesystem = true
  readonly layers: LayerMaker
  private readonly context: DriverContext
  private readonly check: LayerCheck

  constructor(context: DriverContext) {
    this.context = context
    const { store, image, lowers } = context
    this.layers = store.writable.overUpper('overlay', {
      fd: AT_FDCWD,
      name: lowers[0] ?? '',
    })
    this.check = openVerification(store, image, context.verify)
  }

  prepare(): Promise<void> {
    return Promise.resolve()
  }

  openImage(): number {
    const { lowers, store } = this.context
    // An overlay of one layer is none (ovl_get_lowerstack); an empty one below changes nothing.
    const all = lowers.length > 1 ? lowers : [...lowers, emptyFolder(store.place.flat)]
    return this.open(all, [])
  }

  verify(): Promise<void> {
    return this.check.run()
  }

  openWritable(folder: string): number {
    return this.open(this.context.lowers, [
      ['upperdir', `${folder}/upper`],
      ['workdir', `${folder}/work`],
      ...featuresOfUpper(this.context.request),
    ])
  }

  private open(lowers: readonly string[], more: Parameters): number {
    const layers = lowers.map(path => ['lowerdir+', path] as const)
    const long = [...layers, ...more].find(
      ([, value]) => (value?.length ?? 0) >= LONGEST_VALUE,
    )
    if (long !== undefined)
      throw new MountError(
        `the kernel's overlayfs takes no path as long as ${long[1] ?? ''}`,
        'put the store at a shorter path, or use --driver=plyfs',
      )
    const { request, source, store } = this.context
    const rest = [...more, ...features(request)]
    try {
      return openFilesystem('overlay', [['source', source], ...layers, ...rest])
    } catch (error) {
      if (!(error instanceof MountError) || takesLayersOneByOne()) throw error
      return openByString(source, lowers, rest, store.place.incoming)
    }
  }
}

/** Linux 6.5 knows `lowerdir+`; asked without a mount, and without a layer. */
function takesLayersOneByOne(): boolean {
  const context = fsopen('overlay', FSOPEN_CLOEXEC)
  if (context < 0) return true
  const result = fsconfig(context, FSCONFIG_SET_STRING, 'lowerdir+', '/', 0)
  close(context)
  return result >= 0
}

/**
 * Older kernels take all layers in one string of mount(2), and mount at a place: at one of ours, from
 * where the mount is taken at once.
 */
function openByString(
  source: string,
  lowers: readonly string[],
  more: Parameters,
  incoming: string,
): number {
  const data = [
    `lowerdir=${lowers.map(escapePath).join(':')}`,
    ...more.map(([key, value]) => (value === null ? key : `${key}=${escapePath(value)}`)),
  ].join(',')
  if (data.length >= PAGE)
    throw new MountError(
      `the kernel's overlayfs takes no more layers than a page has room for`,
      'use Linux 6.5 or newer, or --driver=plyfs',
    )
  const place = openScratchFolder(incoming, 'overlay')
  const result = mount(source, place.path, 'overlay', 0, data)
  if (result < 0) {
    place.remove()
    throw new MountError(
      `cannot mount overlay: ${describeErrno(result)}`,
      "look at the kernel's log (dmesg) for the reason, or use --driver=plyfs",
    )
  }
  return takeFrom(place)
}

/** The mount without its place. */
function takeFrom(place: Scratch): number {
  let tree = -1
  try {
    tree = openBind(place.path)
  } finally {
    const result = detach(place.path, true)
    if (result < 0 && tree >= 0) close(tree)
    // What is still mounted is not removed: that would remove what it shows.
    leave(place, result)
  }
  return tree
}

function leave(place: Scratch, unmounted: number): void {
  if (unmounted >= 0) {
    place.remove()
    return
  }
  throw new MountError(
    `cannot unmount ${place.path}: ${describeErrno(unmounted)}`,
    'unmount it yourself; plyfs gc removes the folder then',
  )
}

/** The kernel's options, with the defaults of a mount by plyfs. */
function features(request: MountRequest): [string, string | null][] {
  const redirect = request.metacopy === true ? 'on' : (request.redirectDir ?? 'on')
  return [
    ['redirect_dir', redirect],
    ['xino', request.xino ?? 'auto'],
    ...(request.uuid === null ? [] : ([['uuid', request.uuid]] as [string, string][])),
  ]
}

function featuresOfUpper(request: MountRequest): [string, string | null][] {
  return [
    ['index', request.index === false ? 'off' : 'on'],
    ['metacopy', request.metacopy === true ? 'on' : 'off'],
    ...(request.fsync === 'volatile' ? ([['volatile', null]] as [string, null][]) : []),
  ]
}

function emptyFolder(flat: string): string {
  const path = `${flat}/empty`
  fs.mkdirSync(nodePath(path), { recursive: true, mode: 0o755 })
  return path
}

// The driver `overlay2`: the kernel's overlayfs on the store's own layers, with plyfs's defaults, so
// that a writable layer of the one is one of the other.
import * as fs from 'node:fs'
import { openVerification } from '../../image/verify.js'
import type { LayerMaker } from '../../image/store/writable.js'
import { nodePath } from '../../image/store/store-place.js'
import { AT_FDCWD } from '../../sys/constants.js'
import { MountError } from '../mount-error.js'
import type { MountRequest } from '../mount-request.js'
import { openFilesystem, type Parameters } from './detached.js'
import type { Driver, DriverContext } from './driver.js'

/** Bytes that fsconfig(2) takes as a value, its NUL among them. */
const LONGEST_VALUE = 256

export class Overlay2 implements Driver {
  readonly layers: LayerMaker
  private readonly context: DriverContext
  private readonly check: () => Promise<void>

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
    return this.check()
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
    const { request, source } = this.context
    return openFilesystem('overlay', [
      ['source', source],
      ...layers,
      ...more,
      ...features(request),
    ])
  }
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

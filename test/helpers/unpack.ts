// Unpacks archives made in memory as layers on top of each other, and sees to it that one that is
// refused has touched nothing outside of its folder.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { Test } from 'tap'
import { bytesOf, type ByteSource } from '../../src/bytes/byte-source.js'
import { type ApplyOptions, applyLayer } from '../../src/image/unpack/apply-layer.js'
import { type FormatName, layerFormat } from '../../src/layer/format.js'
import { LayerStack } from '../../src/layer/layer-stack.js'
import { getxattrat } from '../../src/sys/xattr.js'
import { E } from '../../src/errno/errno.js'

export const LAYER = `sha256:${'a'.repeat(64)}`

/** `over`: other layers to lie on than those of the ground, the topmost first. */
export type UnpackOptions = Partial<Omit<ApplyOptions, 'parents'>> & {
  readonly over?: readonly string[]
}

export interface Ground {
  /** Folders of the layers, the topmost first. */
  readonly layers: readonly string[]
  /** Unpacks an archive on top of the others; its folder. */
  add(tar: Buffer | ByteSource, options?: UnpackOptions): Promise<string>
  /** Expects that the archive is refused with such an error, and nothing else has changed. */
  refuses(
    tar: Buffer | ByteSource,
    expected: Readonly<Record<string, unknown>>,
    options?: UnpackOptions,
  ): Promise<void>
  /** A path beside the layers, where nothing may be written. */
  readonly outside: string
}

/** A folder for layers on the machine's disk, gone after the test. */
export function ground(t: Test, format: FormatName = 'kernel-trusted'): Ground {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-unpack-'))
  // By rm(1): Node's own removal knows no paths beyond PATH_MAX.
  t.teardown(() => execFileSync('rm', ['-rf', folder]))
  const outside = path.join(folder, 'outside')
  fs.mkdirSync(outside)
  fs.writeFileSync(path.join(outside, 'canary'), 'untouched')
  const layers: string[] = []
  const apply = async (
    tar: Buffer | ByteSource,
    options: UnpackOptions,
  ): Promise<string> => {
    const directory = path.join(folder, `layer${layers.length}`)
    fs.mkdirSync(directory)
    const { over = layers, ...rest } = options
    const written = rest.format ?? layerFormat(format, true, false)
    const parents = new LayerStack(over, written)
    try {
      await applyLayer(Buffer.isBuffer(tar) ? bytesOf(tar) : tar, {
        directory,
        parents,
        format: written,
        layerName: LAYER,
        ...rest,
      })
    } finally {
      parents.close()
    }
    return directory
  }
  return {
    layers,
    outside,
    async add(tar, options = {}) {
      const directory = await apply(tar, options)
      layers.unshift(directory)
      return directory
    },
    async refuses(tar, expected, options = {}) {
      const before = everything(outside)
      const directory = path.join(folder, `layer${layers.length}`)
      await t.rejects(apply(tar, options), {
        name: 'ImageError',
        message: new RegExp(LAYER),
        place: { layer: LAYER },
        ...expected,
      })
      fs.rmSync(directory, { recursive: true })
      t.same(everything(outside), before, 'nothing outside of the layer has changed')
    },
  }
}

/** Names, modes and contents below a folder. */
function everything(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .map(entry => {
      const at = path.join(entry.parentPath, entry.name)
      const { mode, uid, nlink, mtimeMs, ctimeMs } = fs.lstatSync(at)
      const data = entry.isFile() ? fs.readFileSync(at, 'latin1') : ''
      return [at, mode, uid, nlink, mtimeMs, ctimeMs, data].join(' ')
    })
    .sort()
}

/** An extended attribute of a file by its path; null where it has none. */
export function xattr(file: string, name: string): string | null {
  const value = Buffer.alloc(65_536)
  const length = getxattrat(-100, file, name, value)
  if (length === -E.ENODATA) return null
  if (length < 0) throw new Error(`getxattr ${file}: ${length}`)
  return value.latin1Slice(0, length)
}

/** Whether a path is a whiteout of the kernel's. */
export function isWhiteout(file: string): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false })
  return stat?.isCharacterDevice() === true && stat.rdev === 0
}

/** Names in a folder, sorted. */
export const names = (folder: string): string[] => fs.readdirSync(folder).sort()

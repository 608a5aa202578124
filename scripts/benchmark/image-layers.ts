// The layers of an image, as plyfs unpacks them into a store on the disk that is measured on.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Layers } from './drivers/driver.js'

/** Loads the archive; every driver then has the same folders below it. */
export function imageLayers(disk: string, archive: string): Layers {
  const program = path.resolve('native-helpers/build/Release/plyfs')
  const root = path.join(disk, 'store')
  execFileSync(program, ['load', '-q', '--root', root, '-i', archive])
  const ids = execFileSync(program, ['images', '-q', '--root', root], {
    encoding: 'utf8',
  })
  const mountPoint = path.join(disk, 'mnt')
  fs.mkdirSync(mountPoint, { recursive: true })
  return {
    lowers: chain(path.join(root, 'layers')),
    merged: '',
    upper: path.join(disk, 'upper'),
    work: path.join(disk, 'work'),
    mountPoint,
    image: { root, name: ids.split('\n')[0] ?? '' },
  }
}

/** The folders of a store that holds the layers of one image, topmost first. */
function chain(layers: string): string[] {
  const above = new Map<string | null, { folder: string; chainId: string }>()
  for (const hex of fs.readdirSync(layers)) {
    const folder = path.join(layers, hex)
    const text = fs.readFileSync(path.join(folder, 'layer.json'), 'utf8')
    const record = JSON.parse(text) as { chainId: string; parent: string | null }
    above.set(record.parent, { folder, chainId: record.chainId })
  }
  const found: string[] = []
  let at = above.get(null)
  for (; at !== undefined; at = above.get(at.chainId))
    found.unshift(path.join(at.folder, 'diff'))
  return found
}

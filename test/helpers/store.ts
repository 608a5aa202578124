// Stores in temporary folders, which go with the test.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import type { Test } from 'tap'
import { bytesOf } from '../../src/bytes/byte-source.js'
import { loadStream, type LoadedImage } from '../../src/image/load.js'
import { silent } from '../../src/image/progress.js'
import { Store } from '../../src/image/store/store.js'

/** A folder that is removed at the end. */
export function temporary(t: Test, name = 'store'): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `plyfs-${name}-`))
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function freshStore(t: Test): Promise<Store> {
  return Store.open({ root: `${temporary(t)}/store`, create: true })
}

/** Loads an archive that is in memory, handed over in pieces of odd sizes. */
export function loadBytes(store: Store, archive: Buffer): Promise<LoadedImage[]> {
  const pieces: Buffer[] = []
  for (let at = 0; at < archive.length; at += 7001)
    pieces.push(archive.subarray(at, at + 7001))
  return loadStream(store, bytesOf(...pieces), { progress: silent })
}

/** Names of blobs, unpacked layers and leftovers, to compare before and after. */
export function contentsOf(store: Store): {
  blobs: string[]
  layers: string[]
  incoming: string[]
} {
  const list = (folder: string): string[] => fs.readdirSync(folder).toSorted()
  const { blobs, layers, incoming } = store.place
  return { blobs: list(blobs), layers: list(layers), incoming: list(incoming) }
}

/** The digest of a file. */
export function fileDigest(file: string): string {
  return `sha256:${createHash('sha256').update(fs.readFileSync(file)).digest('hex')}`
}

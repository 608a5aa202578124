// Images that another program (skopeo, umoci) has put into the store's layout. Each becomes an
// image of the store where its manifest and config can be read; the rest is left to its maker.
import { parseConfig } from '../model/config.js'
import { ImageError } from '../model/errors.js'
import { parseManifest } from '../model/manifest.js'
import { fullName, parseReference } from '../model/reference.js'
import type { Blobs } from './blobs.js'
import type { Entry, IndexContents, StrangeEntry } from './index-file.js'

/** The contents with strange entries made our own; a name that one of ours has stays with it. */
export function adopt(contents: IndexContents, blobs: Blobs): IndexContents {
  if (contents.strange.length === 0) return contents
  const entries = [...contents.entries]
  const strange: StrangeEntry[] = []
  for (const one of contents.strange) {
    const entry = entryOf(one, blobs, new Set(entries.flatMap(({ names }) => names)))
    if (entry === null) strange.push(one)
    else add(entries, entry)
  }
  return { entries, strange }
}

function add(entries: Entry[], entry: Entry): void {
  const at = entries.findIndex(
    one => one.id === entry.id && one.manifest.digest === entry.manifest.digest,
  )
  const known = entries[at]
  if (known === undefined) entries.unshift(entry)
  else entries[at] = { ...known, names: [...known.names, ...entry.names].toSorted() }
}

function entryOf(
  { manifest: described, name }: StrangeEntry,
  blobs: Blobs,
  taken: ReadonlySet<string>,
): Entry | null {
  try {
    const { annotations: _, ...manifest } = described
    const parsed = parseManifest(blobs.read(manifest.digest), manifest.mediaType)
    if (parsed.kind === 'index') return null
    parseConfig(blobs.read(parsed.config.digest))
    const full = name === null ? null : fullName(parseReference(name))
    return {
      id: parsed.config.digest,
      names: full === null || taken.has(full) ? [] : [full],
      digests: [],
      manifest,
      source: manifest,
      indexes: [],
      added: new Date().toISOString(),
      size: parsed.layers.reduce((sum, layer) => sum + layer.size, 0),
    }
  } catch (error) {
    if (error instanceof ImageError) return null
    throw error
  }
}

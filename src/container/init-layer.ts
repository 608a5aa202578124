// A layer between the image and the writable one, with what the runtime needs in the root and the
// image has not: the directories and files that something is mounted on. So nothing of it is ever
// a change of the container's.
import * as fs from 'node:fs'
import { ImageTree } from '../image/image-tree.js'
import { ImageError } from '../image/model/errors.js'
import type { ImageRecord } from '../image/store/image-record.js'
import { likeDirectory } from '../image/store/like-directory.js'
import { nodePath } from '../image/store/store-place.js'
import type { Store } from '../image/store/store.js'

/** Something to be there. */
export interface Needed {
  /** Absolute bytes, as the container would write it. */
  readonly path: string
  readonly kind: 'directory' | 'file'
}

/** As many links one after the other as Linux follows (MAXSYMLINKS). */
const MAX_LINKS = 40

/**
 * Makes the layer's directory; the image's layers have to be unpacked.
 * @param folder that is not there yet.
 * @throws ImageError, FsError, Node's error.
 */
export function makeInitLayer(
  store: Store,
  image: ImageRecord,
  needed: readonly Needed[],
  folder: string,
): void {
  const tree = new ImageTree(store, image)
  try {
    const draft = new Draft(store, tree, folder)
    for (const { path, kind } of needed) draft.add(path, kind)
  } finally {
    tree.close()
  }
}

class Draft {
  private readonly store: Store
  private readonly tree: ImageTree
  private readonly folder: string

  constructor(store: Store, tree: ImageTree, folder: string) {
    this.store = store
    this.tree = tree
    this.folder = folder
    this.copyDirectory('', folder)
  }

  add(path: string, kind: Needed['kind']): void {
    const at = this.resolve(path)
    if (at === null) return
    const slash = at.lastIndexOf('/')
    this.directory(at.slice(0, slash))
    if (kind === 'directory') this.directory(at)
    else if (!fs.existsSync(nodePath(this.folder + at)))
      fs.writeFileSync(nodePath(this.folder + at), '', { mode: 0o644 })
  }

  /** The path without links, as a process in the root would find it; null where it is there. */
  private resolve(path: string): string | null {
    const left = path
      .split('/')
      .filter(part => part !== '' && part !== '.')
      .toReversed()
    let at: string[] = []
    let links = 0
    let missing = false
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      if (name === '..') {
        at.pop()
        continue
      }
      const next = [...at, name]
      const link = this.linkAt(next)
      missing = link === 'missing'
      if (link === null || link === 'missing') {
        at = next
        continue
      }
      if ((links += 1) > MAX_LINKS)
        throw new ImageError('invalid', `${path}: too many symbolic links`)
      if (link.target.startsWith('/')) at = []
      left.push(
        ...link.target
          .split('/')
          .filter(part => part !== '' && part !== '.')
          .toReversed(),
      )
    }
    return missing ? `/${at.join('/')}` : null
  }

  /** What a path without links is: a link, nothing, or something else (null). */
  private linkAt(parts: readonly string[]): { target: string } | 'missing' | null {
    try {
      const found = this.tree.find(`/${parts.join('/')}`, false)
      const entry = this.tree.describe(found)
      return entry?.type === 'symlink' ? { target: entry.linkname } : null
    } catch (error) {
      if (error instanceof ImageError && error.code === 'not-found') return 'missing'
      throw error
    }
  }

  /** A directory of the layer, with those above it. */
  private directory(at: string): void {
    if (at === '' || fs.existsSync(nodePath(this.folder + at))) return
    this.directory(at.slice(0, at.lastIndexOf('/')))
    if (this.linkAt(at.slice(1).split('/')) === 'missing')
      fs.mkdirSync(nodePath(this.folder + at), { mode: 0o755 })
    else this.copyDirectory(at, this.folder + at)
  }

  /** It shows in place of the image's own. */
  private copyDirectory(at: string, to: string): void {
    const { found } = this.tree.find(at === '' ? '/' : at, false)
    const below = found.path === '' ? '' : `/${found.path}`
    likeDirectory(
      `/proc/self/fd/${found.layer}${below === '' ? '/.' : below}`,
      to,
      this.store.format,
    )
  }
}

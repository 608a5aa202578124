// Owners as shown and as stored: mapped ranges and squashing (fuse-overlayfs's uidmapping,
// gidmapping, squash_to_uid, squash_to_gid). The identity costs one test.
import { ST } from '../sys/stat.js'
import type { IdMapping, OverlayOptions } from './options.js'

/** What an id outside every range is shown as (overflowuid). */
const OVERFLOW = 65534

export class IdMap {
  readonly isIdentity: boolean
  private readonly uids: readonly IdMapping[]
  private readonly gids: readonly IdMapping[]
  private readonly squashUid: number | null
  private readonly squashGid: number | null

  constructor(
    options: Pick<OverlayOptions, 'uidMap' | 'gidMap' | 'squashUid' | 'squashGid'>,
  ) {
    this.uids = options.uidMap
    this.gids = options.gidMap
    this.squashUid = options.squashUid
    this.squashGid = options.squashGid
    this.isIdentity =
      this.uids.length === 0 &&
      this.gids.length === 0 &&
      this.squashUid === null &&
      this.squashGid === null
  }

  /** Replaces the owners on disk in a stat record by those shown. */
  show(record: Uint32Array): void {
    if (this.isIdentity) return
    record[ST.uid] = this.squashUid ?? inward(this.uids, record[ST.uid] ?? 0)
    record[ST.gid] = this.squashGid ?? inward(this.gids, record[ST.gid] ?? 0)
  }

  /** The uid to store for one shown; -1 where the map has none. */
  diskUid(uid: number): number {
    return this.squashUid !== null ? uid : outward(this.uids, uid)
  }

  diskGid(gid: number): number {
    return this.squashGid !== null ? gid : outward(this.gids, gid)
  }
}

function inward(map: readonly IdMapping[], id: number): number {
  if (map.length === 0) return id
  for (const { inside, outside, count } of map)
    if (id >= outside && id < outside + count) return inside + (id - outside)
  return OVERFLOW
}

function outward(map: readonly IdMapping[], id: number): number {
  if (map.length === 0) return id
  for (const { inside, outside, count } of map)
    if (id >= inside && id < inside + count) return outside + (id - inside)
  return -1
}

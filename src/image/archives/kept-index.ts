// What a pass over an archive told, kept beside the store for the next mount: one file for each
// archive, found by its path, true only as long as the archive is the same file with the same size
// and times. It can always be made anew, so nothing waits for the disk; what is damaged is ignored:
// every byte is under some CRC-32, and all of them are compared before anything is believed.
//
//     magic, bytes of the head, CRC-32 of the head     5 words
//     head                                             JSON, see `Head`, with spaces up to a page
//     blocks, each filled up to a multiple of 8        indexes and seek points
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { decodePoints, encodePoints } from '../../compress/store-points.js'
import { log } from '../../log/log.js'
import { crc32 } from '../../sys/inflate.js'
import { MemberNames } from '../sources/member-names.js'
import { removeTree } from '../store/remove-tree.js'
import { hasCode, temporaryOf } from '../store/replace-file.js'
import { nodePath, type StorePlace } from '../store/store-place.js'
import { type IndexedFile, openIndexedFile } from './indexed-file.js'
import type { IndexedTar } from './index-layer.js'
import type { Member, ScannedArchive } from './scan-archive.js'
import { close } from '../../sys/file.js'

/** "plyfs-ar" and the version. */
const MAGIC = [0x66_79_6c_70, 0x72_61_2d_73, 2] as const
const WORDS = MAGIC.length + 2
const SUFFIX = '.index'

interface Block {
  readonly at: number
  readonly length: number
  /** CRC-32 of the block and what fills it up. */
  readonly check: number
}

interface Head {
  readonly path: string
  readonly identity: string
  readonly points: Block
  readonly members: readonly Member[]
  readonly links: readonly (readonly [string, string])[]
  /** In base64. */
  readonly documents: readonly (readonly [string, string])[]
  readonly layers: readonly {
    readonly name: string
    readonly index: Block
    readonly points: Block
  }[]
}

/** Where what belongs to an archive is kept; unpacked streams have names that begin so. */
export function keptPrefix(place: StorePlace, path: string): string {
  const key = createHash('sha256').update(nodePath(path)).digest('hex')
  return `${place.archives}/${key}`
}

/** What was kept of an archive as it is now; null where there is nothing. */
export function readKept(place: StorePlace, file: IndexedFile): ScannedArchive | null {
  const bytes = readShared(`${keptPrefix(place, file.path)}${SUFFIX}`)
  const head = bytes === null ? null : readHead(bytes)
  if (bytes === null || head?.identity !== file.identity) return null
  try {
    return decode(head, bytes)
  } catch (error) {
    log.info(
      `the kept index of ${file.path} is damaged, it is made anew: ${String(error)}`,
    )
    return null
  }
}

/** Keeps it for the next time, where the store can be written. */
export function keep(place: StorePlace, file: IndexedFile, scan: ScannedArchive): void {
  const path = `${keptPrefix(place, file.path)}${SUFFIX}`
  const temporary = temporaryOf(path)
  try {
    fs.mkdirSync(nodePath(place.archives), { recursive: true, mode: 0o700 })
    fs.writeFileSync(nodePath(temporary), encode(file, scan), { mode: 0o600 })
    fs.renameSync(nodePath(temporary), nodePath(path))
  } catch (error) {
    if (!hasCode(error, 'EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'EDQUOT')) throw error
    fs.rmSync(nodePath(temporary), { force: true })
    log.info(`the index of ${file.path} is not kept: ${String(error)}`)
  }
}

/**
 * Removes what is kept of archives that are not there any more, or not the same; only says what,
 * when asked to. Returns names in the folder.
 */
export function sweepKept(place: StorePlace, dryRun: boolean): string[] {
  let names: string[]
  try {
    names = fs.readdirSync(nodePath(place.archives), 'latin1')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
  const current = new Set(
    names
      .filter(name => name.endsWith(SUFFIX))
      .map(name => name.slice(0, -SUFFIX.length))
      .filter(key => isCurrent(place, key)),
  )
  const left = names.filter(name => {
    const [key = '', ...more] = name.split('.')
    return !current.has(key) || (more.length !== 1 && !name.endsWith('.tar'))
  })
  if (!dryRun) for (const name of left) removeTree(`${place.archives}/${name}`)
  return left
}

function isCurrent(place: StorePlace, key: string): boolean {
  const bytes = readShared(`${place.archives}/${key}${SUFFIX}`)
  const head = bytes === null ? null : readHead(bytes)
  if (head === null) return false
  try {
    const file = openIndexedFile(head.path)
    close(file.fd)
    return file.identity === head.identity && keptPrefix(place, file.path).endsWith(key)
  } catch {
    return false
  }
}

/** A file in memory that threads share. */
function readShared(path: string): Buffer | null {
  let fd: number
  try {
    fd = fs.openSync(nodePath(path), 'r')
  } catch {
    return null
  }
  try {
    const { size } = fs.fstatSync(fd)
    const bytes = Buffer.from(new SharedArrayBuffer(size))
    for (let at = 0; at < size;) {
      const read = fs.readSync(fd, bytes, at, size - at, at)
      if (read === 0) return null
      at += read
    }
    return bytes
  } finally {
    fs.closeSync(fd)
  }
}

function readHead(bytes: Buffer): Head | null {
  const start = WORDS * 4
  if (bytes.length < start) return null
  if (MAGIC.some((word, i) => bytes.readUInt32LE(i * 4) !== word)) return null
  const length = bytes.readUInt32LE(MAGIC.length * 4)
  const json = bytes.subarray(start, start + length)
  if (json.length < length) return null
  // A copy: what is decoded as text may not be shared.
  const text = Buffer.from(json)
  if (crc32(0, text) !== bytes.readUInt32LE(MAGIC.length * 4 + 4)) return null
  return JSON.parse(text.toString('utf8')) as Head
}

function decode(head: Head, bytes: Buffer): ScannedArchive {
  const block = ({ at, length, check }: Block): Buffer => {
    const end = at + filled(length)
    if (end > bytes.length) throw new RangeError('a block is cut off')
    if (crc32(0, bytes.subarray(at, end)) !== check)
      throw new RangeError(`the block at ${at} is not what it was`)
    return bytes.subarray(at, at + length)
  }
  const members = new MemberNames<Member>()
  for (const member of head.members) members.add(member.name, member)
  for (const [name, target] of head.links) members.link(name, target)
  return {
    points: decodePoints(block(head.points)),
    members,
    documents: new Map(
      head.documents.map(([name, text]) => [name, Buffer.from(text, 'base64')]),
    ),
    layers: new Map(
      head.layers.map(({ name, index, points }) => [
        name,
        { index: block(index), points: decodePoints(block(points)) },
      ]),
    ),
  }
}

function encode(file: IndexedFile, scan: ScannedArchive): Buffer {
  const blocks: Uint8Array[] = []
  let at = 0
  const block = (bytes: Uint8Array): Block => {
    const room = filled(bytes.length)
    const whole = Buffer.concat([bytes], room)
    const made = { at, length: bytes.length, check: crc32(0, whole) }
    blocks.push(whole)
    at += room
    return made
  }
  const layer = ([name, { index, points }]: [string, IndexedTar]): Head['layers'][0] => ({
    name,
    index: block(index),
    points: block(encodePoints(points)),
  })
  const relative: Head = {
    path: file.path,
    identity: file.identity,
    points: block(encodePoints(scan.points)),
    members: [...scan.members.all()].map(([, member]) => member),
    links: [...scan.members.allLinks()],
    documents: [...scan.documents].map(([name, bytes]) => [
      name,
      Buffer.from(bytes).toString('base64'),
    ]),
    layers: [...scan.layers].map(layer),
  }
  return Buffer.concat([...encodeHead(relative), ...blocks])
}

/** Blocks lie behind a head whose length depends on where they lie: it is padded to a page. */
function encodeHead(relative: Head): Buffer[] {
  const room =
    WORDS * 4 +
    Buffer.byteLength(JSON.stringify(relative)) +
    64 * (relative.layers.length + 1)
  const base = Math.ceil(room / 4096) * 4096
  const moved = (block: Block): Block => ({ ...block, at: base + block.at })
  const json = Buffer.from(
    JSON.stringify({
      ...relative,
      points: moved(relative.points),
      layers: relative.layers.map(({ name, index, points }) => ({
        name,
        index: moved(index),
        points: moved(points),
      })),
    }),
  )
  const text = Buffer.concat([json, Buffer.alloc(base - WORDS * 4 - json.length, ' ')])
  const words = Buffer.from(
    Uint32Array.from([...MAGIC, text.length, crc32(0, text)]).buffer,
  )
  return [words, text]
}

function filled(length: number): number {
  return Math.ceil(length / 8) * 8
}

/** Takes away what was unpacked of an archive that has been another since. */
export function removeUnpacked(place: StorePlace, path: string): void {
  const prefix = keptPrefix(place, path).slice(place.archives.length + 1)
  let names: string[] = []
  try {
    names = fs.readdirSync(nodePath(place.archives), 'latin1')
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EACCES')) throw error
  }
  for (const name of names)
    if (name.startsWith(`${prefix}.`) && name.endsWith('.tar'))
      fs.rmSync(nodePath(`${place.archives}/${name}`), { force: true })
}

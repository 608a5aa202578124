// Overlay file handles as kernel overlayfs stores them (struct ovl_fb of fs/overlayfs/
// overlayfs.h): version, magic, length, flags, type, the UUID of the filesystem, and the
// handle that name_to_handle_at gives. They name the origin of a copied-up object.
import { E } from '../errno/errno.js'
import { AT_EMPTY_PATH, O_PATH } from '../sys/constants.js'
import { name_to_handle_at, open_by_handle_at } from './object-calls.js'

const VERSION = 0
const MAGIC = 0xfb
const HEADER = 21
const FLAG_BIG_ENDIAN = 1
const FLAG_ANY_ENDIAN = 2
const FLAG_PATH_UPPER = 4
const FLAGS_KNOWN = FLAG_BIG_ENDIAN | FLAG_ANY_ENDIAN | FLAG_PATH_UPPER
const MAX_HANDLE_SZ = 128

const scratch = Buffer.alloc(8 + MAX_HANDLE_SZ)
const mountId = new Int32Array(1)

/**
 * ovl_encode_real_fh: the handle of `name` below `dirfd` ('' for dirfd itself), or -errno
 * (EOPNOTSUPP where the filesystem has none).
 */
export function encodeHandle(
  dirfd: number,
  name: string,
  uuid: Uint8Array,
  isUpper: boolean,
): Buffer | number {
  const flags = name === '' ? AT_EMPTY_PATH : 0
  const used = name_to_handle_at(dirfd, name, scratch, mountId, flags)
  if (used < 0) return used
  const bytes = scratch.readUInt32LE(0)
  const handle = Buffer.alloc(HEADER + bytes)
  handle[0] = VERSION
  handle[1] = MAGIC
  handle[2] = HEADER + bytes
  handle[3] = isUpper ? FLAG_PATH_UPPER : 0
  handle[4] = scratch.readInt32LE(4)
  handle.set(uuid, 5)
  scratch.copy(handle, HEADER, 8, 8 + bytes)
  return handle
}

/** ovl_check_fb_len: 0, -ENODATA for "origin unknown", -EINVAL for garbage. */
export function checkHandle(handle: Uint8Array): number {
  const length = handle[2] ?? 0
  if (handle.length < HEADER || length < HEADER || handle.length < length)
    return -E.EINVAL
  if (handle[1] !== MAGIC) return -E.EINVAL
  const flags = handle[3] ?? 0
  if ((handle[0] ?? 0) > VERSION || (flags & ~FLAGS_KNOWN) !== 0) return -E.ENODATA
  if ((flags & FLAG_ANY_ENDIAN) === 0 && (flags & FLAG_BIG_ENDIAN) !== 0)
    return -E.ENODATA
  return 0
}

/** The UUID part of a checked handle. */
export function handleUuid(handle: Uint8Array): Uint8Array {
  return handle.subarray(5, HEADER)
}

/** ovl_decode_real_fh: an O_PATH descriptor of what a checked handle names, or -errno. */
export function openHandle(mountFd: number, handle: Uint8Array): number {
  const length = handle[2] ?? 0
  const bytes = length - HEADER
  const raw = Buffer.alloc(8 + bytes)
  raw.writeUInt32LE(bytes, 0)
  raw.writeInt32LE(handle[4] ?? 0, 4)
  raw.set(handle.subarray(HEADER, length), 8)
  return open_by_handle_at(mountFd, raw, O_PATH)
}

/**
 * The inode number inside a handle of the filesystems whose form is known, low word first; null
 * otherwise. For those who may not open handles: lower layers do not change, so it is not stale.
 */
export function inodeOfHandle(handle: Uint8Array): readonly [number, number] | null {
  const fid = Buffer.from(
    handle.buffer,
    handle.byteOffset + HEADER,
    handle.length - HEADER,
  )
  const type = handle[4] ?? 0
  // FILEID_INO32_GEN of ext4, and its form with a parent; shmem_encode_fh has 12 bytes.
  if ((type === 1 && fid.length === 8) || (type === 2 && fid.length === 16))
    return [fid.readUInt32LE(0), 0]
  if (type === 1 && fid.length === 12) return [fid.readUInt32LE(4), fid.readUInt32LE(8)]
  // xfs_fileid_type with 64-bit numbers; btrfs_encode_fh.
  const isWide = type === 0x81 || type === 0x82 || (type >= 0x4d && type <= 0x4f)
  return isWide && fid.length >= 8 ? [fid.readUInt32LE(0), fid.readUInt32LE(4)] : null
}

/** ovl_get_index_name_fh: the name of a handle's entry in the index directory. */
export function indexName(handle: Uint8Array): string {
  return Buffer.from(handle.buffer, handle.byteOffset, handle[2] ?? 0).toString('hex')
}

/** The handle an index entry's name stands for; null where it is not one. */
export function handleOfIndexName(name: string): Buffer | null {
  if (name.length < HEADER * 2 || !/^(?:[0-9a-f]{2})+$/.test(name)) return null
  return Buffer.from(name, 'hex')
}

// How the index of a layer's archive lies in memory and in its file: one block of 32-bit words and
// one of bytes, little-endian. It is read where it lies; nothing is decoded before it is asked for.

/** "plyfs-ai" and the version: another one is built anew. */
export const MAGIC = [0x66_79_6c_70, 0x69_61_2d_73, 1] as const

/** Words in front: magic, version, then these. */
export const HEAD = { nodes: 3, inodes: 4, bytes: 5, words: 8 } as const

/** A name in a directory. Nodes of one directory lie together, in the order of their bytes. */
export const NODE = {
  nameAt: 0,
  nameLength: 1,
  /** Number of its inode; NO_INODE for a name that is only hidden. */
  inode: 2,
  firstChild: 3,
  children: 4,
  flags: 5,
  words: 6,
} as const

export const NODE_FLAG = {
  /** What the layers below have under this name is hidden. */
  hides: 1,
  /** A directory that shows nothing of the layers below. */
  opaque: 2,
} as const

/** What a name leads to. 64-bit numbers are two words, the low one first. */
export const INODE = {
  /** Type and permission bits, as in stat. */
  mode: 0,
  uid: 1,
  gid: 2,
  /** In new_encode_dev form. */
  rdev: 3,
  nlink: 4,
  size: 5,
  mtime: 7,
  mtimeNsec: 9,
  atime: 10,
  atimeNsec: 12,
  /** Where the contents begin in the archive. */
  dataAt: 13,
  /** Target of a symlink, or the lower file that a hard link names: bytes. */
  linkAt: 15,
  linkLength: 16,
  /** Attributes: number, then name length, value length, name and value of each, in bytes. */
  xattrsAt: 17,
  /** Runs of a sparse file: number, then four words each, in bytes. */
  sparseAt: 18,
  flags: 19,
  words: 20,
} as const

export const INODE_FLAG = {
  /** A directory without an entry: the layers below say what it is. */
  implied: 1,
  /** A hard link to a file of a layer below: a copy of it belongs here. */
  lowerLink: 2,
} as const

export const NO_INODE = 0xffff_ffff
/** Where nothing is stored: no text begins there. */
export const NOWHERE = 0xffff_ffff

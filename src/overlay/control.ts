// The ioctls of plyfs's own, by which `plyfs which` and `plyfs stats` ask a mount: numbers, buffer
// sizes and the shape of the answers. One definition for the side that asks and the one that
// answers; it reads and writes nothing itself.
//
// The kernel copies a restricted ioctl's buffer by the size in the number (fuse_do_ioctl), at
// most 16,383 bytes, the 14 bits of _IOC_SIZE. File names in the JSON are latin1: one character
// is one byte of the name, and the text itself crosses the buffer as latin1 too.

import type { ArchivedOrigin } from '../layer/archive-layer/archived-lowers.js'

/** _IOC(_IOC_READ|_IOC_WRITE, 'p', nr, size) of asm-generic/ioctl.h. */
function iowr(nr: number, size: number): number {
  return ((3 << 30) | (size << 16) | (0x70 << 8) | nr) >>> 0
}

/** Size of both buffers: the largest that the number can carry. */
export const CONTROL_BYTES = 16_383

/**
 * On the parent directory. In: the NUL-terminated name. Out: the JSON of a `WhichAnswer`,
 * NUL-terminated. ENAMETOOLONG for a name beyond 255 bytes; EINVAL for an empty one, `..`, or
 * one with a slash; `.` asks for the directory itself (the root has no parent to ask).
 */
export const PLYFS_IOC_WHICH = iowr(1, CONTROL_BYTES)

/** On the root directory. Out: the JSON of a `StatsAnswer`, NUL-terminated. */
export const PLYFS_IOC_STATS = iowr(2, CONTROL_BYTES)

export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character device'
  | 'block device'

/** Where one merged name comes from, and why. */
export interface WhichAnswer {
  readonly name: string
  /** `whiteout`: absent, and hidden by a whiteout; `absent`: no layer has it. */
  readonly state: 'present' | 'whiteout' | 'absent'
  /** Of the merged object; null unless present. */
  readonly type: FileType | null
  /** The layer of the topmost object, or of the whiteout; null when absent. */
  readonly layer: 'upper' | 'lower' | null
  /** 0 is the topmost lower; null for the upper and when absent. */
  readonly layerIndex: number | null
  /** Host path of the topmost object; null unless present. */
  readonly path: string | null
  /** One sentence for people. */
  readonly reason: string
  /**
   * Host paths of everything merged here, topmost first; one entry for what is not merged. Cut
   * at its end where the answer would not fit the buffer.
   */
  readonly merged: readonly string[]
  /** How many are merged, also where the list was cut. */
  readonly mergedTotal: number
  /** A directory that hides what lies below it. */
  readonly opaque: boolean
  /** In the upper, and known to stem from a lower. */
  readonly copiedUp: boolean
  /** Host path of the whiteout, or of the opaque directory, that hides the name in the layers below. */
  readonly whiteoutIn: string | null
  /** The redirect that is followed from the topmost object; null where there is none. */
  readonly redirect: string | null
  /** Metadata here, data in this file below; null where they are together. */
  readonly dataIn: string | null
  /** Of layers in an archive that the answer names, the topmost few: where they come from. */
  readonly origins: readonly ArchivedOrigin[]
}

/** Live figures of one mount. */
export interface StatsAnswer {
  readonly version: string
  readonly pid: number
  /** Negotiated FUSE protocol, `7.45`. */
  readonly protocol: string
  readonly passthrough: boolean
  /** Host path, null when read-only. */
  readonly upper: string | null
  /** The archive that the lowers lie in, null for directories. */
  readonly archive: string | null
  readonly lowers: number
  readonly dataLowers: number
  readonly format: string
  /** Seconds since the mount. */
  readonly uptime: number
  readonly nodes: number
  /** Directories among the nodes. */
  readonly directories: number
  readonly openFiles: number
  readonly backingIds: number
  /** Kept descriptors of our own. */
  readonly descriptors: number
  /** By opcode name, those that came at least once. */
  readonly requests: Readonly<Record<string, number>>
  /** Requests answered with an errno, by its name. */
  readonly errors: Readonly<Record<string, number>>
  readonly copyUps: {
    readonly files: number
    readonly bytes: number
    readonly directories: number
  }
  /** Directories that were guessed to be listed next, and those of them that were. */
  readonly ahead: {
    readonly guessed: number
    readonly right: number
  }
}

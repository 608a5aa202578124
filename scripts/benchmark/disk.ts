// The disk that everything is measured on: a fresh filesystem in an image file on a loop device,
// mounted in the benchmark's own mount namespace, so that it goes away with the benchmark.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Options } from './options.js'

const SPARE = 1.5
const TREE_BYTES_PER_FILE = 24_000

/** Makes and mounts the disk; returns its mount point. */
export function makeDisk(options: Options): string {
  const { scratch, size, filesystem } = options
  fs.mkdirSync(scratch, { recursive: true })
  const image = path.join(scratch, 'disk.img')
  const mountPoint = path.join(scratch, 'disk')
  const bytes = (size.files * TREE_BYTES_PER_FILE + size.large * 3) * SPARE + (512 << 20)
  fs.rmSync(image, { force: true })
  fs.writeFileSync(image, '')
  fs.truncateSync(image, Math.ceil(bytes / 4096) * 4096)
  if (filesystem === 'ext4') execFileSync('mkfs.ext4', ['-q', '-F', image])
  else execFileSync('mkfs.xfs', ['-q', '-f', image])
  fs.mkdirSync(mountPoint, { recursive: true })
  execFileSync('mount', ['-o', 'loop,noatime', image, mountPoint])
  // The loop device and the mount keep the file; nothing is left when they go.
  fs.rmSync(image)
  return mountPoint
}

export function removeDisk(options: Options, mountPoint: string): void {
  execFileSync('umount', ['-l', mountPoint])
  fs.rmSync(options.scratch, { recursive: true, force: true })
}

/** What one measurement left to be written must not be written during the next. */
export function settle(mountPoint: string): void {
  execFileSync('sync', ['-f', mountPoint])
}

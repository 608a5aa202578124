// The disk that everything is measured on: a fresh filesystem in an image file on a loop device,
// mounted in the benchmark's own mount namespace, so that it goes away with the benchmark.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { performance } from 'node:perf_hooks'
import { median } from './figures.js'
import type { Filesystem } from './options.js'

/** The image file is sparse: what is not used costs nothing. */
const DISK_BYTES = 40 * 2 ** 30
const FSYNCS = 21

/** Makes and mounts the disk; returns its mount point. */
export function makeDisk(scratch: string, filesystem: Filesystem): string {
  fs.mkdirSync(scratch, { recursive: true })
  const image = path.join(fs.mkdtempSync(path.join(scratch, 'image.')), 'disk')
  // Others that measure have mount namespaces of their own.
  const mountPoint = path.join(scratch, filesystem)
  fs.mkdirSync(mountPoint, { recursive: true })
  fs.writeFileSync(image, '')
  fs.truncateSync(image, DISK_BYTES)
  if (filesystem === 'ext4') execFileSync('mkfs.ext4', ['-q', '-F', image])
  else execFileSync('mkfs.xfs', ['-q', '-f', image])
  execFileSync('mount', ['-o', 'loop,noatime', image, mountPoint])
  // The loop device and the mount keep the file; nothing is left when they go.
  fs.rmSync(path.dirname(image), { recursive: true })
  return mountPoint
}

export function removeDisk(mountPoint: string): void {
  execFileSync('umount', ['-l', mountPoint])
  fs.rmdirSync(mountPoint)
}

/** What one measurement left to be written must not be written during the next. */
export function settle(mountPoint: string): void {
  execFileSync('sync', ['-f', mountPoint])
}

/** Median seconds of the fsync of a file that grew by a block. */
export function fsyncSeconds(mountPoint: string): number {
  const file = path.join(mountPoint, 'fsync')
  const fd = fs.openSync(file, 'w')
  const block = Buffer.alloc(4096, 'x')
  const times = Array.from({ length: FSYNCS }, () => {
    fs.writeSync(fd, block)
    const started = performance.now()
    fs.fsyncSync(fd)
    return (performance.now() - started) / 1000
  })
  fs.closeSync(fd)
  fs.rmSync(file)
  return median(times) ?? 0
}

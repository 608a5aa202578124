// An image in which everything is that archives can hold, and mounts of archives by the command.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { scratch } from '../../helpers/isolated.js'
import { directory, file, hardlink, symlink } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run, type Ran } from '../../helpers/run.js'

const MUCH = 1 << 28
export const root = path.join(scratch(), 'store')
export const point = path.join(scratch(), 'mnt')
fs.mkdirSync(point)

export const noise = (bytes: number): string => {
  let state = 1
  const made = Buffer.alloc(bytes)
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    made[i] = state >>> 24
  }
  return made.toString('latin1')
}

/** Entries that only a tar program with --sparse writes. */
function sparseEntries(): Buffer {
  const folder = path.join(scratch(), 'sparse')
  fs.mkdirSync(folder)
  const fd = fs.openSync(`${folder}/holes`, 'w')
  fs.writeSync(fd, 'first', 4096 * 3)
  fs.writeSync(fd, 'second', 4096 * 300)
  // The last block of the archive's data is not all zeros.
  fs.writeSync(fd, 'the last bytes...', 4096 * 500)
  fs.closeSync(fd)
  const args = ['--sparse', '--format=gnu', '--mtime=@1000', '--owner=7', '--group=8']
  const tar = execFileSync('tar', [...args, '-C', folder, '-cf', '-', 'holes'], {
    maxBuffer: MUCH,
  })
  let end = tar.length
  while (end >= 512 && tar.subarray(end - 512, end).every(byte => byte === 0)) end -= 512
  return tar.subarray(0, end)
}

const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex')
export const image = makeImage([
  [
    directory('./', { mode: 0o751, uid: 3 }),
    directory('etc/', { mode: 0o700, uid: 1, gid: 2 }),
    file('etc/passwd', 'root:x:0:0\n', { mode: 0o640, pax: { mtime: '5.123456789' } }),
    file('etc/gone', 'gone'),
    hardlink('etc/other-name', 'etc/passwd'),
    directory('opaque/'),
    file('opaque/below', 'below'),
    directory('usr/'),
    directory('usr/share/', { mode: 0o2775, pax: { 'SCHILY.xattr.user.note': 'dir' } }),
    file('usr/share/big', noise(3_000_000)),
    file('usr/share/small\xff', 'odd name'),
    file('usr/cap', 'x', {
      mode: 0o4755,
      pax: {
        'SCHILY.xattr.security.capability': CAPABILITY,
        'SCHILY.xattr.trusted.overlay.opaque': 'y',
        'SCHILY.xattr.user.v': Buffer.from([0xff, 0, 1]),
      },
    }),
    symlink('usr/link', '../etc/passwd'),
    { path: 'dev/null', flag: '3', mode: 0o666, major: 1, minor: 3 },
    { path: 'dev/sda', flag: '4', mode: 0o660, gid: 6, major: 8, minor: 0 },
    { path: 'run/fifo', flag: '6', mode: 0o600 },
    directory('replaced/'),
    file('replaced/x', 'x'),
    sparseEntries(),
  ],
  [
    file('etc/.wh.gone'),
    file('etc/shadow', 'in a directory without an entry'),
    hardlink('usr/copy', 'usr/share/big'),
    directory('opaque/'),
    file('opaque/.wh..wh..opq'),
    file('opaque/above', 'above'),
    file('replaced', 'now a file'),
    file('.wh.run'),
    file('usr/share/.wh.absent'),
  ],
  [
    file('usr/share/deep/er/x', 'deep'),
    hardlink('usr/again', 'usr/copy'),
    directory('run/'),
    file('.wh.opaque'),
    directory('opaque/'),
    file('opaque/newest', 'newest'),
  ],
])

export const plain = dockerArchive([{ image, tags: ['full:1'] }])
export const zstd = (bytes: Buffer): Buffer =>
  execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: MUCH })
/** As seekable zstd is: a frame for each piece. */
export const frames = (bytes: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 500_000)
    parts.push(zstd(bytes.subarray(at, at + 500_000)))
  return Buffer.concat(parts)
}

export function write(name: string, bytes: Buffer): string {
  const at = path.join(scratch(), name)
  fs.writeFileSync(at, bytes)
  return at
}

export function plyfs(verb: string, ...args: string[]): Promise<Ran> {
  return run(plyfsProgram(), [verb, '--root', root, ...args], { limit: 60_000 })
}

/** Runs work while a mount is there. */
export async function mounted<T>(
  work: () => Promise<T> | T,
  ...args: readonly string[]
): Promise<T> {
  const ran = await plyfs('mount', ...args, point)
  if (ran.status !== 0) throw new Error(`mount ${args.join(' ')}: ${ran.stderr}`)
  try {
    return await work()
  } finally {
    await must('umount', [point])
  }
}

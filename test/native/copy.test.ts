// The data of a copy-up: every byte, every hole, and the truth about what went wrong.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t, { type Test } from 'tap'
import { SEEK_DATA, SEEK_HOLE } from '../../src/sys/constants.js'
import { lseek } from '../../src/sys/file.js'
import { copyData } from '../../src/sys/pool.js'
import { isRoot, openDescriptors, outcome, place, type Place } from './place.js'

/** The extents of data of a file, as [start, end] pairs. */
function extents(fd: number): number[][] {
  const found: number[][] = []
  for (let end = 0; ;) {
    const start = lseek(fd, end, SEEK_DATA)
    if (start < 0) return found
    end = lseek(fd, start, SEEK_HOLE)
    found.push([start, end])
  }
}

/** Copies `from` to a new file and compares; the copy's extents. */
function copy(t: Test, from: string, to: string, size: number, sync = 0): number[][] {
  const source = fs.openSync(from, 'r')
  const target = fs.openSync(to, 'w+')
  t.equal(copyData(source, target, size, sync), 0)
  const made = extents(target)
  t.equal(fs.fstatSync(target).size, size)
  fs.closeSync(source)
  fs.closeSync(target)
  const wanted = Buffer.alloc(size)
  const content = fs.readFileSync(from).subarray(0, size)
  content.copy(wanted)
  t.ok(fs.readFileSync(to).equals(wanted), 'the same bytes')
  return made
}

/** A file with data in three places, a hole between them and one at its end. */
function sparse(path: string): void {
  const fd = fs.openSync(path, 'w')
  fs.writeSync(fd, Buffer.alloc(4096, 'a'), 0, 4096, 65536)
  fs.writeSync(fd, Buffer.alloc(70_000, 'b'), 0, 70_000, 1 << 20)
  fs.writeSync(fd, 'end', 3 << 20)
  fs.ftruncateSync(fd, 4 << 20)
  fs.closeSync(fd)
}

function everyKind(t: Test, { at }: Place, target: (name: string) => string): void {
  fs.writeFileSync(at('empty'), '')
  t.strictSame(copy(t, at('empty'), target('empty'), 0, 2), [])
  fs.writeFileSync(at('small'), 'small')
  copy(t, at('small'), target('small'), 5)
  t.strictSame(copy(t, at('small'), target('cut'), 2, 1).length, 1)
  copy(t, at('small'), target('grown'), 10_000)
  fs.writeFileSync(at('large'), Buffer.alloc(5_000_001, 'xyz'))
  copy(t, at('large'), target('large'), 5_000_001, 1)
  sparse(at('sparse'))
  const source = fs.openSync(at('sparse'), 'r')
  const wanted = extents(source)
  fs.closeSync(source)
  t.strictSame(
    copy(t, at('sparse'), target('sparse'), 4 << 20),
    wanted,
    'holes are holes',
  )
  copy(t, at('sparse'), target('part'), (1 << 20) + 5)
  copy(t, at('sparse'), target('hole'), (1 << 20) - 7)
  fs.truncateSync(at('empty'), 1 << 30)
  const nothing = fs.openSync(target('nothing'), 'w+')
  const hole = fs.openSync(at('empty'), 'r')
  t.equal(copyData(hole, nothing, 1 << 30, 0), 0)
  t.equal(fs.fstatSync(nothing).blocks, 0)
  fs.closeSync(nothing)
  fs.closeSync(hole)
}

t.test('on one filesystem', async t => {
  const folder = place(t)
  const before = openDescriptors()
  fs.mkdirSync(folder.at('to'))
  everyKind(t, folder, name => folder.at(`to/${name}`))
  t.strictSame(openDescriptors(), before)
})

const root = { skip: isRoot() ? false : 'needs root' }

/** Mounts a new filesystem of the type at `point`; gone with the test. */
function mounted(t: Test, folder: Place, type: string, size: number): string {
  const point = folder.at(type)
  fs.mkdirSync(point)
  if (type === 'tmpfs') {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', point])
  } else {
    fs.writeFileSync(folder.at('image'), '')
    fs.truncateSync(folder.at('image'), size)
    execFileSync(`mkfs.${type}`, ['-q', folder.at('image')])
    execFileSync('mount', ['-o', 'loop', folder.at('image'), point])
  }
  t.teardown(() => execFileSync('umount', ['-l', point]))
  return point
}

t.test('between filesystems', root, async t => {
  const folder = place(t)
  const point = mounted(t, folder, 'tmpfs', 64 << 20)
  everyKind(t, folder, name => `${point}/${name}`)
})

t.test('by reflink', root, async t => {
  const folder = place(t)
  const point = mounted(t, folder, 'xfs', 400 << 20)
  const inside: Place = { ...folder, at: name => `${point}/from-${name}` }
  everyKind(t, inside, name => `${point}/to-${name}`)
  const shared = execFileSync('filefrag', ['-v', `${point}/to-large`]).toString()
  t.match(shared, /shared/, 'the blocks are shared')
})

t.test('a target that is not empty', async t => {
  const { at } = place(t)
  sparse(at('sparse'))
  fs.writeFileSync(at('old'), Buffer.alloc(5 << 20, 'old'))
  const source = fs.openSync(at('sparse'), 'r')
  const target = fs.openSync(at('old'), 'r+')
  t.equal(copyData(source, target, 4 << 20, 0), 0)
  t.ok(
    fs.readFileSync(at('old')).equals(fs.readFileSync(at('sparse'))),
    'holes hide nothing',
  )
  fs.closeSync(source)
  fs.closeSync(target)
})

t.test('a source that tells no holes, nor its size', async t => {
  const { at } = place(t)
  const source = fs.openSync('/proc/self/limits', 'r')
  const length = fs.readFileSync('/proc/self/limits').length
  const target = fs.openSync(at('limits'), 'w+')
  t.equal(copyData(source, target, length, 0), 0)
  t.ok(fs.readFileSync(at('limits')).equals(fs.readFileSync('/proc/self/limits')))
  t.equal(outcome(copyData(source, target, 1 << 20, 0)), 'EIO', 'it ends before its size')
  fs.closeSync(source)
  fs.closeSync(target)
})

t.test('errors', root, async t => {
  const folder = place(t)
  const point = mounted(t, folder, 'tmpfs', 1 << 20)
  fs.writeFileSync(folder.at('large'), Buffer.alloc(4 << 20, 'x'))
  const source = fs.openSync(folder.at('large'), 'r')
  const target = fs.openSync(`${point}/x`, 'w+')
  t.equal(outcome(copyData(source, target, 4 << 20, 0)), 'ENOSPC')
  const readOnly = fs.openSync(folder.at('large'), 'r')
  t.equal(outcome(copyData(source, readOnly, 4 << 20, 0)), 'EINVAL')
  t.equal(outcome(copyData(9999, target, 1, 0)), 'EBADF')
  t.equal(outcome(copyData(source, 9999, 1, 0)), 'EBADF')
  t.throws(() => copyData(source, target, -1, 0), RangeError)
  t.throws(() => copyData(source, target, 0, 3), RangeError)
  for (const fd of [source, target, readOnly]) fs.closeSync(fd)
})

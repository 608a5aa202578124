// An archive is opened for a mount beside others that care for the same store.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { openIndexedFile } from '../../../src/image/archives/indexed-file.js'
import { readKept } from '../../../src/image/archives/kept-index.js'
import { openArchive } from '../../../src/image/archives/open-archive.js'
import { silent } from '../../../src/image/progress.js'
import { tryLock } from '../../../src/image/store/store-lock.js'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { file } from '../../helpers/make-tar.js'
import { freshStore, temporary } from '../../helpers/store.js'

/** Nothing in it can be reached without decoding all of it. */
const large = makeImage([[file('large', 'large '.repeat(4_000_000))]])
const packed = dockerArchive([{ image: large, tags: null }], {
  pack: bytes =>
    execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 256 * 1024 * 1024 }),
})

t.test('gc has to wait until it is open', async t => {
  const store = await freshStore(t)
  const path = `${temporary(t, 'archive')}/packed.tar`
  fs.writeFileSync(path, packed)
  const isFree = (): boolean => {
    const lock = tryLock(store.place.contentLock, 'exclusive')
    lock?.release()
    return lock !== null
  }
  const whileUnpacking: boolean[] = []
  await openArchive(
    store.place,
    { kind: 'any', path, ref: null },
    { ...silent, note: () => whileUnpacking.push(isFree()) },
  )
  t.strictSame(whileUnpacking, [false])
  t.ok(isFree())
})

t.test('what a process of the same number has left is in nobody’s way', async t => {
  const store = await freshStore(t)
  const path = `${temporary(t, 'archive')}/packed.tar`
  fs.writeFileSync(path, packed)
  const name = { kind: 'any', path, ref: null } as const
  await openArchive(store.place, name, silent)
  const { archives } = store.place
  for (const one of fs.readdirSync(archives))
    fs.renameSync(`${archives}/${one}`, `${archives}/${one}.${process.pid}`)
  await openArchive(store.place, name, silent)
  t.equal(fs.readdirSync(archives).length, 4)
})

t.test('a byte of the kept index that is wrong is found, wherever it is', async t => {
  const store = await freshStore(t)
  const path = `${temporary(t, 'archive')}/image.tar.gz`
  const image = makeImage([
    [file('one', 'x'.repeat(300_000)), file('two', 'y'.repeat(70_000))],
    [file('three', 'z')],
  ])
  fs.writeFileSync(path, gzipSync(dockerArchive([{ image, tags: ['a:1'] }])))
  const name = { kind: 'any', path, ref: null } as const
  await openArchive(store.place, name, silent)
  const [only = ''] = fs.readdirSync(store.place.archives)
  const kept = `${store.place.archives}/${only}`
  const right = fs.readFileSync(kept)
  const opened = openIndexedFile(path)
  t.not(readKept(store.place, opened), null)
  const believed: number[] = []
  for (let at = 0; at < right.length; at++) {
    const wrong = Buffer.from(right)
    wrong[at] = (wrong[at] ?? 0) ^ 0x10
    fs.writeFileSync(kept, wrong)
    if (readKept(store.place, opened) !== null) believed.push(at)
  }
  t.strictSame(believed, [], `of ${right.length} bytes`)
  for (const length of [0, 10, right.length - 1]) {
    fs.writeFileSync(kept, right.subarray(0, length))
    t.equal(readKept(store.place, opened), null, `cut off after ${length}`)
  }
  await openArchive(store.place, name, silent)
  t.ok(fs.readFileSync(kept).equals(right), 'and it is made anew')
})

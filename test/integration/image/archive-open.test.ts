// An archive is opened for a mount beside others that care for the same store.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t from 'tap'
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

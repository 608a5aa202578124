// Archives in which an image is not found or is not right: one line says what it is and what to do,
// and nothing is mounted.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import {
  dockerArchive,
  layoutTar,
  makeImage,
  ociLayout,
} from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { file, hardlink } from '../../helpers/make-tar.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

// What is in it is made in the test's namespace.
const { image, mounted, noise, plain, plyfs, point, root, write, zstd } =
  await import('./full-image.js')
const archive = write('full.tar', plain)

t.test('several images', async t => {
  const one = makeImage([[file('one')]])
  const two = makeImage([[file('two')]])
  const at = write(
    'several.tar',
    dockerArchive([
      { image: one, tags: ['a:1', 'b/c:2'] },
      { image: two, tags: ['a:2'] },
    ]),
  )
  const unclear = await plyfs('mount', `docker-archive:${at}`, point)
  t.equal(unclear.status, 1)
  t.match(unclear.stderr, /several images: .*a:1.*b\/c:2.*a:2; name one: docker-archive:/)
  t.equal(unclear.stderr.trimEnd().split('\n').length, 1)
  for (const [ref, name] of [
    ['a:1', 'one'],
    ['docker.io/b/c:2', 'one'],
    ['a:2', 'two'],
    [two.id, 'two'],
  ] as const)
    t.same(
      await mounted(() => fs.readdirSync(point), `docker-archive:${at}:${ref}`),
      [name],
      ref,
    )
  const unknown = await plyfs('mount', `docker-archive:${at}:x:1`, point)
  t.match(unknown.stderr, /has no image x:1; it has/)
})

t.test('one zstd frame that is large is unpacked to the store first', async t => {
  const large = makeImage([[file('large', noise(20_000_000)), file('last', 'last')]])
  const at = write(
    'large.tar',
    dockerArchive([{ image: large, tags: null }], { pack: zstd }),
  )
  const first = await plyfs('mount', at, point)
  t.match(first.stderr, /layer sha256:.* is zstd .*: unpacked to the store first/)
  t.equal(first.stderr.trimEnd().split('\n').length, 1)
  t.equal(fs.readFileSync(`${point}/last`, 'utf8'), 'last')
  t.equal(fs.statSync(`${point}/large`).size, 20_000_000)
  await must('umount', [point])
  const second = await plyfs('mount', at, point)
  t.equal(second.stderr, '')
  await must('umount', [point])
})

t.test('what is wrong is refused in one line', async t => {
  const refused = async (pattern: RegExp, ...args: string[]): Promise<void> => {
    const ran = await plyfs('mount', ...args, point)
    t.not(ran.status, 0, args.join(' '))
    t.match(ran.stderr, pattern)
    t.equal(ran.stderr.trimEnd().split('\n').length, 1, ran.stderr)
    t.notOk(isMounted(point))
    if (isMounted(point)) await must('umount', [point])
  }
  await refused(/not readable.*cut off/, write('cut.tar', plain.subarray(0, 2_000_000)))
  await refused(
    /not readable/,
    write('cut.tar.gz', gzipSync(plain).subarray(0, 1_000_000)),
  )
  await refused(/is not there/, 'docker-archive:/nowhere.tar')
  await refused(/no image archive/, write('empty.tar', Buffer.alloc(10_240)))
  await refused(/not readable|no image archive/, write('text', Buffer.from(noise(5000))))
  const hostile = (...pieces: Parameters<typeof makeImage>[0][0]): string =>
    write('bad.tar', dockerArchive([{ image: makeImage([pieces]), tags: null }]))
  await refused(/layer sha256:.*entry '\.\.\/x': .*leads out/, hostile(file('../x')))
  await refused(
    /entry 'dev\/x': a character device 0\/0/,
    hostile({ path: 'dev/x', flag: '3' }),
  )
  await refused(/target 'none' does not exist/, hostile(hardlink('x', 'none')))
  await refused(/a whiteout that names nothing/, hostile(file('.wh.')))
})

t.test('manifests and configs are checked at once', async t => {
  const layout = ociLayout(makeImage([[file('one')]], { author: 'plyfs' }), 'a:1')
  const documents = [...layout.files].filter(([name, bytes]) => {
    const text = bytes.toString('latin1')
    return name.startsWith('blobs/') && text.startsWith('{')
  })
  t.equal(documents.length, 2)
  const folder = `${scratch()}/layout`
  for (const [name, bytes] of layout.files) {
    fs.mkdirSync(path.dirname(`${folder}/${name}`), { recursive: true })
    fs.writeFileSync(`${folder}/${name}`, bytes)
  }
  await mounted(() => undefined, '--verify=none', `oci:${folder}:a:1`)
  for (const [name, bytes] of documents) {
    // A blank for another: what it means is the same.
    const wrong = Buffer.from(bytes.toString('latin1').replace(/"$|,/, ' ,').slice(0, -1))
    fs.writeFileSync(`${folder}/${name}`, Buffer.concat([wrong, Buffer.from('}')]))
    for (const at of [
      `oci:${folder}:a:1`,
      `oci-archive:${write('documents.tar', layoutTar({ ...layout, files: new Map([...layout.files, [name, fs.readFileSync(`${folder}/${name}`)]]) }))}:a:1`,
    ]) {
      const ran = await plyfs('mount', '--verify=none', at, point)
      t.not(ran.status, 0, at)
      t.match(ran.stderr, /sha256:[0-9a-f]{64}/, at)
      t.notOk(isMounted(point))
    }
    fs.writeFileSync(`${folder}/${name}`, bytes)
  }
})

t.test('a bare name is a file where no image has it', async t => {
  write('bare.tar', plain)
  const here = { cwd: scratch(), limit: 60_000 }
  await must(plyfsProgram(), ['mount', '--root', root, 'bare.tar', point], here)
  t.ok(fs.existsSync(`${point}/etc/passwd`))
  await must('umount', [point])
  const named = write('named.tar', dockerArchive([{ image, tags: ['bare.tar:latest'] }]))
  await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', named])
  await must(plyfsProgram(), ['mount', '--root', root, 'bare.tar', point], here)
  t.match(await must('findmnt', ['-no', 'SOURCE', point]), 'bare.tar')
  t.notMatch(await must(plyfsProgram(), ['stats', point]), 'archive', 'the image')
  await must('umount', [point])
})

t.test('--verify=full finds a byte that was changed', async t => {
  for (const [name, bytes] of [
    ['wrong.tar', plain],
    ['wrong-gzip.tar', dockerArchive([{ image, tags: null }], { pack: stored })],
  ] as const) {
    const wrong = Buffer.from(bytes)
    const found = wrong.indexOf('in a directory without an entry')
    wrong[found] = 0x49
    const at = write(name, wrong)
    const ran = await plyfs('mount', '--verify=full', at, point)
    t.not(ran.status, 0)
    t.match(ran.stderr, new RegExp(`layer ${image.diffIds[1] ?? ''}`))
    t.notOk(isMounted(point))
  }
  await mounted(() => undefined, '--verify=full', archive)
})

/** Gzip without compression: its bytes can be found. */
function stored(tar: Buffer): Buffer {
  return gzipSync(tar, { level: 0 })
}

t.test('an archive that changes while it is mounted', async t => {
  const at = write('under.tar', plain)
  await mounted(() => {
    fs.appendFileSync(at, Buffer.alloc(512))
    t.throws(() => fs.readFileSync(`${point}/etc/shadow`), { code: 'EIO' })
  }, at)
})

// Overlay file handles: validity, and the names of index entries.
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { E } from '../../../src/errno/errno.js'
import {
  checkHandle,
  encodeHandle,
  handleOfIndexName,
  handleUuid,
  indexName,
} from '../../../src/layer/file-handle.js'

const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

function handle(change: (b: Buffer) => void = () => undefined): Buffer {
  // version, magic, length, flags, type, uuid, an 8-byte file id
  const bytes = Buffer.concat([
    Buffer.from([0, 0xfb, 29, 0, 1]),
    uuid,
    Buffer.alloc(8, 7),
  ])
  change(bytes)
  return bytes
}

void t.test('a handle as the kernel writes it is accepted', async t => {
  t.equal(checkHandle(handle()), 0)
  t.same(handleUuid(handle()), uuid)
})

void t.test(
  'what is newer or of the other byte order is unknown, garbage is invalid',
  async t => {
    const cases: [string, (b: Buffer) => void, number][] = [
      ['newer version', b => (b[0] = 1), -E.ENODATA],
      ['unknown flag', b => (b[3] = 0x40), -E.ENODATA],
      ['big endian', b => (b[3] = 1), -E.ENODATA],
      ['any endian', b => (b[3] = 3), 0],
      ['upper', b => (b[3] = 4), 0],
      ['wrong magic', b => (b[1] = 0xfa), -E.EINVAL],
      ['length beyond the value', b => (b[2] = 30), -E.EINVAL],
      ['length below the header', b => (b[2] = 20), -E.EINVAL],
    ]
    for (const [what, change, expected] of cases)
      t.equal(checkHandle(handle(change)), expected, what)
    t.equal(checkHandle(new Uint8Array(0)), -E.EINVAL, 'empty')
  },
)

void t.test('the index is named by the hex of the handle', async t => {
  const name = indexName(handle())
  t.match(name, /^00fb1d0001[0-9a-f]+$/)
  t.same(handleOfIndexName(name), handle())
  for (const bad of ['', '#1', name.slice(1), name.toUpperCase(), 'work'])
    t.equal(handleOfIndexName(bad), null, bad)
})

void t.test('the handle of a file names its filesystem and type', async t => {
  const folder = mkdtempSync(`${tmpdir()}/handle-`)
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(`${folder}/f`, '')
  const fd = openSync(folder, 'r')
  const encoded = encodeHandle(fd, 'f', uuid, true)
  if (typeof encoded === 'number') {
    t.equal(encoded, -E.EOPNOTSUPP, 'this filesystem has no handles')
    return
  }
  t.equal(checkHandle(encoded), 0)
  t.equal(encoded[3], 4, 'marked as an upper one')
  t.same(handleUuid(encoded), uuid)
  t.equal(encodeHandle(fd, 'absent', uuid, false), -E.ENOENT)
})

// fuse-overlayfs's origin attribute: what is written is read again, and nothing leads elsewhere.
import t from 'tap'
import { decodePathOrigin, encodePathOrigin } from '../../../src/layer/path-origin.js'

void t.test('a path and a NUL, as bytes', async t => {
  t.equal(encodePathOrigin('a/b')?.toString('latin1'), 'a/b\0')
  for (const path of ['top', 'a/b/c', 'caf\xe9/\xff', '.hidden', '...'])
    t.equal(decodePathOrigin(encodePathOrigin(path) ?? Buffer.alloc(0)), path)
  t.equal(decodePathOrigin(Buffer.from('a/b')), 'a/b', 'the NUL may be missing')
})

void t.test('what is no path below the root is no origin', async t => {
  for (const text of ['', '\0', '/etc', '..', 'a/../b', './a', 'a//b', 'a/', 'a\0b\0'])
    t.equal(decodePathOrigin(Buffer.from(text)), null, JSON.stringify(text))
  t.equal(encodePathOrigin('x'.repeat(4096)), null)
  t.equal(decodePathOrigin(Buffer.alloc(5000, 'x')), null)
})

// Escapes and colons of lowerdir=, in the kernel's spelling and in fuse-overlayfs's. The kernel's
// cases were tried on Linux 6.18's overlayfs, the others on fuse-overlayfs 1.10.
import t from 'tap'
import { splitLowerdir, unescapePath } from '../../../src/mount/layer-paths.js'

const kernel: readonly [string, readonly string[], readonly string[]][] = [
  ['/a', ['/a'], []],
  ['/a:/b:/c', ['/a', '/b', '/c'], []],
  ['/a\\:b:/c', ['/a:b', '/c'], []],
  ['/a\\\\:/b', ['/a\\', '/b'], []],
  ['/a\\,b', ['/a,b'], []],
  ['/a\\b', ['/ab'], []],
  ['/a::/d', ['/a'], ['/d']],
  ['/a:/b::/d::/e', ['/a', '/b'], ['/d', '/e']],
  ['/a\\:\\:b', ['/a::b'], []],
  ['/x\xff\xfey', ['/x\xff\xfey'], []],
  ['/a"b', ['/a"b'], []],
  ['', [], []],
]

t.test('as the kernel splits', async t => {
  for (const [text, lowers, dataLowers] of kernel) {
    t.same(splitLowerdir(text, 'kernel'), { lowers, dataLowers }, text)
  }
})

t.test('what the kernel refuses', async t => {
  const refused: readonly [string, RegExp][] = [
    [':/a:/b', /begins with a colon/],
    ['/a:', /ends with a colon/],
    ['/a::', /three colons|ends with a colon/],
    ['/a:::/b', /three colons/],
    ['/a::/b:/c', /ordinary layer after a data-only/],
  ]
  for (const [text, message] of refused) {
    t.throws(() => splitLowerdir(text, 'kernel'), { message }, text)
  }
})

t.test('as the callers of fuse-overlayfs write', async t => {
  const cases: readonly [string, readonly string[]][] = [
    ['/a:/b', ['/a', '/b']],
    // One level of backslashes is buildah's, two are for libfuse's option parser.
    ['/a\\:b:/c', ['/a:b', '/c']],
    ['/a\\\\:b:/c', ['/a:b', '/c']],
    // Names with a backslash are sent as they are.
    ['/a\\b', ['/a\\b']],
    ['/a\\\\b', ['/a\\b']],
    ['/a\\,b', ['/a,b']],
    // strtok skips what is empty.
    ['/a::/b', ['/a', '/b']],
    [':/a:', ['/a']],
    ['', []],
  ]
  for (const [text, lowers] of cases) {
    t.same(splitLowerdir(text, 'drop-in'), { lowers, dataLowers: [] }, text)
  }
})

t.test('one path', async t => {
  t.equal(unescapePath('/a\\:b\\,c\\\\d', 'kernel'), '/a:b,c\\d')
  t.equal(unescapePath('/a\\:b\\,c\\\\d', 'drop-in'), '/a:b,c\\d')
  t.equal(unescapePath('/a\\x', 'kernel'), '/ax')
  t.equal(unescapePath('/a\\x', 'drop-in'), '/a\\x')
  t.equal(unescapePath('/a\\', 'kernel'), '/a')
  t.equal(unescapePath('/a:b', 'kernel'), '/a:b')
})

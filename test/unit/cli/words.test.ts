// Option letters and words of the three ways to ask for a mount.
import t from 'tap'
import { parseMountVerb } from '../../../src/cli/mount-verb.js'
import { parseDropIn } from '../../../src/cli/overlayfs.js'

t.test('plyfs mount', async t => {
  t.same(parseMountVerb(['-o', 'a,b', '-oc', '-f', '/m']), {
    form: 'verb',
    program: 'plyfs',
    options: ['a,b', 'c'],
    source: null,
    mountPoint: '/m',
    foreground: true,
    debug: false,
    sloppy: false,
  })
  t.match(parseMountVerb(['overlay', '/m', '-d', '-o', 'ro,lowerdir=/l']), {
    form: 'verb',
    source: 'overlay',
    mountPoint: '/m',
    debug: true,
  })
  t.match(parseMountVerb(['--options', 'a', '--options=b=c', '/m']), {
    options: ['a', 'b=c'],
  })
  t.match(parseMountVerb(['-o', '-f', '/m']), { options: ['-f'], foreground: false })
  t.match(parseMountVerb(['-fo', 'x', '-']), { options: ['x'], mountPoint: '-' })
  t.match(parseMountVerb(['--', '-odd']), { mountPoint: '-odd' })
  t.match(parseMountVerb(['-fd', '/m']), { foreground: true, debug: true })
  t.equal(parseMountVerb(['--help']), 'help')
  t.match(parseMountVerb(['/m\xff']), { mountPoint: '/m\xff' })
})

t.test('plyfs mount of an image', async t => {
  t.same(parseMountVerb(['debian:12', '/m']), {
    form: 'image',
    image: 'debian:12',
    mountPoint: '/m',
    options: [],
    writable: null,
    verify: 'quick',
    driver: 'plyfs',
    root: null,
    foreground: false,
    debug: false,
  })
  t.match(parseMountVerb(['--rw', 'a', '/m']), { writable: '', image: 'a' })
  t.match(parseMountVerb(['--rw=mine', '--verify=full', 'a', '/m', '-o', 'nodev']), {
    writable: 'mine',
    verify: 'full',
    options: ['nodev'],
  })
  t.match(parseMountVerb(['--root', '/s', '--verify', 'none', 'a', '/m']), {
    root: '/s',
    verify: 'none',
  })
  t.throws(() => parseMountVerb(['--verify=some', 'a', '/m']), {
    message: /quick, full or none/,
  })
  t.throws(() => parseMountVerb(['--rw', '-o', 'lowerdir=/l', '/m']), {
    message: /--rw is for images/,
  })
})

t.test('how it is not called', async t => {
  t.throws(() => parseMountVerb([]), { message: /no mount point/ })
  t.throws(() => parseMountVerb(['a', 'b', 'c']), { message: /too many words: c/ })
  t.throws(() => parseMountVerb(['-x', '/m']), { message: /unknown option -x/ })
  t.throws(() => parseMountVerb(['/m', '-o']), { message: /-o needs a value/ })
  t.throws(() => parseMountVerb(['--foreground=yes', '/m']), {
    message: /takes no value/,
  })
})

t.test('the drop-in', async t => {
  t.equal(parseDropIn(['--version'], 'fuse-overlayfs'), 'version')
  t.equal(parseDropIn(['-V'], 'fuse-overlayfs'), 'version')
  t.equal(parseDropIn(['-h'], 'plyfs'), 'help')
  t.match(parseDropIn(['-s', '--debug', 'x', '/m'], 'plyfs'), {
    program: 'plyfs',
    mountPoint: '/m',
    source: null,
    debug: true,
  })
  t.throws(() => parseDropIn(['-o', 'ro'], 'plyfs'), { message: /no mount point/ })
})

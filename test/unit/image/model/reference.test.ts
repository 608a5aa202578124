// Names of images: Docker's defaults, what is a host, what is no name.
import t from 'tap'
import { digestOf } from '../../../../src/image/model/digest.js'
import { ImageError } from '../../../../src/image/model/errors.js'
import {
  familiarName,
  fullName,
  hexPrefixOf,
  idOf,
  parseReference,
  splitReference,
  withDefaults,
  withDigest,
  withTag,
} from '../../../../src/image/model/reference.js'

const digest = digestOf('x')

t.test('defaults are filled in, and left out for people', async t => {
  for (const [written, full, familiar] of [
    ['nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['nginx:1.25', 'docker.io/library/nginx:1.25', 'nginx:1.25'],
    ['a/b', 'docker.io/a/b:latest', 'a/b:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['index.docker.io/a/b', 'docker.io/a/b:latest', 'a/b:latest'],
    ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['quay.io/a/b:c', 'quay.io/a/b:c', 'quay.io/a/b:c'],
    ['quay.io/a', 'quay.io/a:latest', 'quay.io/a:latest'],
    ['localhost/a', 'localhost/a:latest', 'localhost/a:latest'],
    ['localhost:5000/a', 'localhost:5000/a:latest', 'localhost:5000/a:latest'],
    ['host:5000/a/b/c:T-1.x', 'host:5000/a/b/c:T-1.x', 'host:5000/a/b/c:T-1.x'],
    ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
    ['UPPER/a', 'UPPER/a:latest', 'UPPER/a:latest'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`, `nginx@${digest}`],
    [`a/b:t@${digest}`, `docker.io/a/b:t@${digest}`, `a/b:t@${digest}`],
    ['a__b/c-d--e.f', 'docker.io/a__b/c-d--e.f:latest', 'a__b/c-d--e.f:latest'],
  ] as const) {
    const reference = parseReference(written)
    t.equal(fullName(reference), full, written)
    t.equal(familiarName(reference), familiar, written)
    t.same(parseReference(full), reference, 'the full name means the same')
    t.same(parseReference(familiar), reference, 'the familiar name means the same')
  }
})

t.test('what is no name is refused', async t => {
  for (const written of [
    '',
    ':tag',
    'a:',
    'Nginx',
    'a//b',
    '/a',
    'a/',
    'a:b c',
    'a@b@c',
    'a@sha256:123',
    `a@sha512:${'a'.repeat(128)}`,
    'a..b',
    'a/_b',
    'quay.io/',
    'ho_st.x/a',
    'a'.repeat(300),
    'f'.repeat(64),
    `a:${'t'.repeat(129)}`,
    'a\nb',
  ])
    t.throws(
      () => parseReference(written),
      { name: 'ImageError' },
      JSON.stringify(written),
    )
  t.throws(() => withTag(parseReference('a'), 'b/c'), ImageError)
})

t.test('a written name keeps what is written', async t => {
  t.same(splitReference('a/b'), { path: 'a/b' })
  t.same(splitReference('x.y/a:t'), { host: 'x.y', path: 'a', tag: 't' })
})

t.test('a search registry may have a path', async t => {
  const written = splitReference('app:1')
  t.equal(fullName(withDefaults('quay.io', written)), 'quay.io/app:1')
  t.equal(fullName(withDefaults('reg.example/team', written)), 'reg.example/team/app:1')
  t.equal(fullName(withDefaults('docker.io', written)), 'docker.io/library/app:1')
})

t.test('IDs, whole and in part', async t => {
  t.equal(hexPrefixOf('sha256:ab12'), 'ab12')
  t.equal(hexPrefixOf('ab12'), 'ab12')
  t.equal(hexPrefixOf('xyz'), null)
  t.equal(hexPrefixOf(''), null)
  t.equal(idOf(digest), digest)
  t.equal(idOf(digest.slice(7)), digest)
  t.equal(idOf('ab12'), null)
  t.equal(
    fullName(withDigest(parseReference('a:t'), digest)),
    `docker.io/library/a@${digest}`,
  )
})

// Pages of tags and repositories, and Docker's search, from a stub: docker-registry ignores `n`.
import { isolated, scratch } from '../../helpers/isolated.js'
import { makePlace, privateEtc } from '../../helpers/registry/place.js'
import { startStubRegistry } from '../../helpers/registry/stub-registry.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const stub = await startStubRegistry()
const place = makePlace(scratch(), 'place')
place.configure(`insecureRegistries = ["${stub.host}"]\n`)
stub.tags.set('team/app', ['1.0', '1.1', '1.2', '2.0', 'latest'])
stub.tags.set('team/apple', ['x'])
stub.tags.set('other', ['x'])
stub.tags.set('an/app', ['x'])

t.before(() => privateEtc())
t.teardown(() => stub.close())

t.test('tags of several pages', async t => {
  const before = stub.requests.length
  t.equal(
    await place.mustPlyfs(['tags', `${stub.host}/team/app`]),
    '1.0\n1.1\n1.2\n2.0\nlatest\n',
  )
  const pages = stub.requests
    .slice(before)
    .filter(one => one.url.pathname.endsWith('/tags/list'))
  t.same(
    pages.map(one => one.url.searchParams.get('last')),
    [null, '1.1', '2.0'],
  )
  t.match(JSON.parse(await place.mustPlyfs(['tags', '--json', `${stub.host}/an/app`])), [
    { Repository: `${stub.host}/an/app`, Tag: 'x' },
  ])
  t.equal(
    await place.mustPlyfs(['tags', '--format', '{{.Tag}}!', `${stub.host}/an/app`]),
    'x!\n',
  )
})

t.test('a list that never ends', async t => {
  stub.handle = ({ url }, response) => {
    if (!url.pathname.endsWith('/endless/tags/list')) return false
    response.writeHead(200, { link: `<${url.pathname}?last=a>; rel="next"` })
    response.end('{"tags":["a"]}')
    return true
  }
  t.match(await place.plyfs(['tags', `${stub.host}/endless`]), {
    status: 1,
    stderr: /endless/,
  })
})

t.test('search in the catalog, where there is no index', async t => {
  t.equal(
    await place.mustPlyfs(['search', '-q', `${stub.host}/app`]),
    ['team/app', 'team/apple', 'an/app'].map(name => `${stub.host}/${name}\n`).join(''),
  )
  t.equal(
    await place.mustPlyfs(['search', '-q', '--limit', '1', `${stub.host}/app`]),
    `${stub.host}/team/app\n`,
  )
})

t.test('search in the index', async t => {
  stub.found = [
    {
      ...{ name: 'nginx', description: 'The server', star_count: 9 },
      ...{ is_official: true, is_automated: false },
    },
    { name: 'me/nginx', description: `long ${'x'.repeat(100)}`, star_count: 5 },
    { name: 'you/nginx', description: '', star_count: 1, is_automated: true },
  ]
  const term = `${stub.host}/nginx`
  const before = stub.requests.length
  const lines = (await place.mustPlyfs(['search', term])).split('\n')
  t.match(lines, [
    /^NAME +DESCRIPTION +STARS +OFFICIAL$/,
    /\/nginx +The server +9 +\[OK\]$/,
    /\/me\/nginx +long x{39}… +5$/,
    /\/you\/nginx +1$/,
  ])
  const asked = stub.requests
    .slice(before)
    .filter(one => one.url.pathname === '/v1/search')
  t.same(
    asked.map(one => [one.url.searchParams.get('q'), one.url.searchParams.get('page')]),
    [
      ['nginx', '1'],
      ['nginx', '2'],
    ],
  )
  const names = async (...flags: string[]) =>
    (await place.mustPlyfs(['search', '--format', '{{.Name}}', ...flags, term])).split(
      '\n',
    )
  t.equal((await names('--filter', 'stars=5')).length, 3)
  t.equal((await names('-f', 'is-official=true')).length, 2)
  t.equal((await names('-f', 'stars=2', '-f', 'is-official=false')).length, 2)
  t.match(await place.plyfs(['search', '--filter', 'colour=blue', term]), {
    status: 1,
    stderr: /--filter colour=blue: write/,
  })
  t.match(await place.plyfs(['search', '--limit', 'x', term]), { status: 1 })

  place.configure(
    `insecureRegistries = ["${stub.host}"]\nsearchRegistries = ["${stub.host}"]\n`,
  )
  t.equal((await place.mustPlyfs(['search', '-q', 'nginx'])).split('\n').length, 4)
})

// Which proxy a URL goes through.
import t from 'tap'
import { proxyFor } from '../../../../src/image/registry/proxy.js'

const proxies = {
  HTTPS_PROXY: 'http://secure.proxy:1',
  http_proxy: 'plain.proxy:2',
}

function through(url: string, variables: Record<string, string>): string | undefined {
  return proxyFor(new URL(url), variables)?.href
}

t.test('by scheme', async t => {
  t.equal(through('https://a.example/', proxies), 'http://secure.proxy:1/')
  t.equal(through('http://a.example/', proxies), 'http://plain.proxy:2/')
  t.equal(through('https://a.example/', {}), undefined)
  t.equal(through('https://a.example/', { HTTPS_PROXY: '' }), undefined)
  t.equal(through('https://a.example/', { ALL_PROXY: 'https://all:3' }), 'https://all:3/')
  t.equal(
    through('https://a.example/', { ...proxies, https_proxy: 'http://lower:4' }),
    'http://lower:4/',
  )
  t.throws(() => through('https://a.example/', { HTTPS_PROXY: 'socks5://x' }), {
    code: 'invalid',
  })
})

t.test('the loopback is never proxied', async t => {
  for (const host of ['localhost', '127.0.0.1:5000', '127.9.9.9', '[::1]:443'])
    t.equal(through(`https://${host}/`, proxies), undefined, host)
})

const cases: readonly [list: string, url: string, direct: boolean][] = [
  ['*', 'https://a.example/', true],
  ['a.example', 'https://a.example/', true],
  ['a.example', 'https://deep.a.example/', true],
  ['a.example', 'https://ba.example/', false],
  ['.example', 'https://a.example/', true],
  ['.a.example', 'https://a.example/', false],
  ['*.example', 'https://a.example/', true],
  ['A.Example', 'https://a.example/', true],
  ['x , a.example:443', 'https://a.example/', true],
  ['a.example:80', 'https://a.example/', false],
  ['a.example:5000', 'https://a.example:5000/', true],
  ['10.0.0.0/8', 'https://10.1.2.3/', true],
  ['10.0.0.0/8', 'https://11.1.2.3/', false],
  ['10.0.0.0/99', 'https://10.1.2.3/', false],
  ['10.1.2.3', 'https://10.1.2.3:5000/', true],
  ['fd00::/8', 'https://[fd00::1]/', true],
  ['fd00::1', 'https://[fd00::1]/', true],
]

for (const [list, url, direct] of cases)
  t.test(`NO_PROXY=${list} ${url}`, async t => {
    t.equal(through(url, { ...proxies, NO_PROXY: list }) === undefined, direct)
  })

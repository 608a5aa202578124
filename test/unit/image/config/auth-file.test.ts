// Credentials in files: which entry counts, and how files of Docker's are read.
import * as fs from 'node:fs'
import * as path from 'node:path'
import t from 'tap'
import {
  credentialsIn,
  helperIn,
  readAuthFile,
  removeEntries,
  writeEntry,
} from '../../../../src/image/config/auth-file.js'
import {
  authFiles,
  hostOfKey,
  keysFor,
  primaryAuthFile,
} from '../../../../src/image/config/auth-places.js'

const base = t.testdir()
const auth = (pair: string) => ({ auth: Buffer.from(pair).toString('base64') })

function file(document: unknown, name = 'auth.json') {
  const at = path.join(base, name)
  fs.writeFileSync(at, JSON.stringify(document))
  return readAuthFile(at)
}

t.test('keys', async t => {
  t.same(keysFor('h:1', 'a/b'), ['h:1/a/b', 'h:1/a', 'h:1'])
  t.same(keysFor('h', undefined), ['h'])
  t.equal(hostOfKey('https://index.docker.io/v1/'), 'docker.io')
  t.equal(hostOfKey('http://h:5000/v2/'), 'h:5000')
  t.equal(hostOfKey('h/'), 'h')
  t.equal(hostOfKey('h/team'), undefined)
})

t.test('the most specific entry', async t => {
  const found = file({ auths: { h: auth('all:1'), 'h/team': auth('team:2:3') } })
  t.match(credentialsIn(found, keysFor('h', 'team/app')), {
    user: 'team',
    password: '2:3',
  })
  t.match(credentialsIn(found, keysFor('h', 'other')), { user: 'all' })
  t.equal(credentialsIn(found, keysFor('x', 'team')), undefined)
})

t.test('Docker Hub, as Docker writes it', async t => {
  const key = 'https://index.docker.io/v1/'
  const found = file({ auths: { [key]: auth('me:pw') } })
  t.match(credentialsIn(found, keysFor('docker.io', 'library/x')), { user: 'me' })
  const old = file({ [key]: auth('old:pw\0\0') }, '.dockercfg')
  t.match(credentialsIn(old, keysFor('docker.io', 'x/y')), { password: 'pw' })
  const token = file({ auths: { [key]: { auth: '', identitytoken: 'abc' } } })
  t.match(credentialsIn(token, keysFor('docker.io', 'x')), {
    kind: 'identity-token',
    token: 'abc',
  })
  const empty = file({ auths: { [key]: {} }, credsStore: 'store' })
  t.equal(credentialsIn(empty, keysFor('docker.io', 'x')), undefined)
  t.equal(helperIn(empty, keysFor('docker.io', 'x')), 'store')
})

t.test('helpers of one host', async t => {
  const found = file({ credHelpers: { 'https://h/v1/': 'one' }, credsStore: 'all' })
  t.equal(helperIn(found, keysFor('h', 'a')), 'one')
  t.equal(helperIn(found, keysFor('x', 'a')), 'all')
})

t.test('written and removed', async t => {
  const at = path.join(base, 'new', 'auth.json')
  const credentials = { kind: 'password', user: 'u', password: 'p' } as const
  writeEntry(readAuthFile(at), 'h', credentials)
  writeEntry(readAuthFile(at), 'h/team', credentials)
  t.equal(fs.statSync(at).mode & 0o777, 0o600)
  t.equal(fs.statSync(path.dirname(at)).mode & 0o777, 0o700)
  t.match(fs.readFileSync(at, 'utf8'), /^\{\n\t"auths"/)
  t.ok(removeEntries(readAuthFile(at), 'h'))
  t.notOk(removeEntries(readAuthFile(at), 'h'))
  t.ok(credentialsIn(readAuthFile(at), ['h/team']))
  t.same(fs.readdirSync(path.dirname(at)), ['auth.json'], 'nothing is left beside it')
})

t.test('a symbolic link stays one', async t => {
  const target = path.join(base, 'target.json')
  const link = path.join(base, 'link.json')
  fs.writeFileSync(target, '{}')
  fs.symlinkSync('target.json', link)
  const credentials = { kind: 'password', user: 'u', password: 'p' } as const
  writeEntry(readAuthFile(link), 'h', credentials)
  t.ok(fs.lstatSync(link).isSymbolicLink())
  t.ok(credentialsIn(readAuthFile(target), ['h']))
})

t.test('files that cannot be read', async t => {
  t.same(readAuthFile(path.join(base, 'absent')).document, {})
  fs.writeFileSync(path.join(base, 'bad'), '{')
  t.throws(() => readAuthFile(path.join(base, 'bad')), { code: 'invalid' })
  t.throws(() => readAuthFile(file([]).path), { code: 'invalid' })
  t.throws(() => credentialsIn(file({ auths: { h: auth('no colon') } }), ['h']), {
    code: 'invalid',
  })
})

t.test('where they are', async t => {
  const at = (variables: Record<string, string>, uid = 7) => ({
    variables,
    home: '/h',
    uid,
  })
  t.equal(primaryAuthFile(at({})), '/run/containers/7/auth.json')
  t.equal(primaryAuthFile(at({ XDG_RUNTIME_DIR: '/r' })), '/r/containers/auth.json')
  t.equal(primaryAuthFile(at({ DOCKER_CONFIG: '/d' })), '/d/config.json')
  t.equal(primaryAuthFile(at({ REGISTRY_AUTH_FILE: '/f', DOCKER_CONFIG: '/d' })), '/f')
  t.same(authFiles(at({ REGISTRY_AUTH_FILE: '/f' })), [
    '/f',
    '/h/.config/containers/auth.json',
    '/h/.docker/config.json',
    '/h/.dockercfg',
  ])
})

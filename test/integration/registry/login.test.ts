// Logins: where they are written, who else reads them, whose plyfs reads, and credential helpers.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { DockerRegistry } from '../../helpers/registry/docker-registry.js'
import { makePlace, type Place, privateEtc } from '../../helpers/registry/place.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const base = scratch()
const registry = await DockerRegistry.start(path.join(base, 'registry'), {
  user: ['alice', 's3cret'],
})
t.teardown(() => registry.kill())
let count = 0

t.before(() => privateEtc())

function freshPlace(): Place {
  const place = makePlace(base, `place-${++count}`)
  place.configure(`insecureRegistries = ["${registry.host}"]\n`)
  return place
}

const login = ['login', '-u', 'alice', '--password-stdin', registry.host]
const auth = Buffer.from('alice:s3cret').toString('base64')

/** Whether the registry lets us in. */
async function isIn(place: Place, env = place.environment): Promise<boolean> {
  const { stderr } = await place.plyfs(['tags', `${registry.host}/none`], { env })
  if (!/40[14]/.test(stderr)) throw new Error(stderr)
  return stderr.includes('404')
}

t.test('places, as podman has them', async t => {
  const place = freshPlace()
  const { REGISTRY_AUTH_FILE: _, ...rest } = place.environment
  const runtime = path.join(place.base, 'run')
  fs.mkdirSync(runtime)
  const cases: [NodeJS.ProcessEnv, string][] = [
    [{ ...rest, XDG_RUNTIME_DIR: runtime }, path.join(runtime, 'containers/auth.json')],
    [
      {
        ...rest,
        XDG_RUNTIME_DIR: runtime,
        DOCKER_CONFIG: path.join(place.base, 'docker'),
      },
      path.join(place.base, 'docker/config.json'),
    ],
    [place.environment, place.authFile],
  ]
  for (const [env, file] of cases) {
    await place.mustPlyfs(login, { env, input: 's3cret\n' })
    t.same(JSON.parse(fs.readFileSync(file, 'utf8')), {
      auths: { [registry.host]: { auth } },
    })
    t.equal(fs.statSync(file).mode & 0o777, 0o600)
    const seen = await must('skopeo', ['login', '--get-login', registry.host], { env })
    t.equal(seen, 'alice\n')
    t.ok(await isIn(place, env))
    await place.mustPlyfs(['logout', registry.host], { env })
    t.notOk(await isIn(place, env))
  }
})

t.test('the rest of the file stays', async t => {
  const place = freshPlace()
  const before = { auths: { 'other.example': { auth } }, theme: 'dark' }
  fs.writeFileSync(place.authFile, JSON.stringify(before))
  await place.mustPlyfs(login, { input: 's3cret' })
  await place.mustPlyfs(['logout', registry.host])
  t.same(JSON.parse(fs.readFileSync(place.authFile, 'utf8')), before)
})

t.test('a login that is refused leaves the last one', async t => {
  const place = freshPlace()
  await place.mustPlyfs(login, { input: 's3cret' })
  t.match(await place.plyfs(login, { input: 'wrong' }), { status: 1, stderr: /401/ })
  t.ok(await isIn(place))
})

t.test('the password on the command line, and words that miss', async t => {
  const place = freshPlace()
  t.match(await place.plyfs(['login', '-u', 'alice', '-p', 's3cret', registry.host]), {
    status: 0,
    stdout: /^Login Succeeded\n/,
    stderr: /seen by others/,
  })
  t.match(await place.plyfs(['login', '--password-stdin', registry.host]), {
    status: 1,
    stderr: /--password-stdin needs -u/,
  })
  t.match(await place.plyfs(['login', '-u', 'x', 'not a host']), {
    status: 1,
    stderr: /is no registry/,
  })
})

t.test("Docker's file, and a part of a registry", async t => {
  const place = freshPlace()
  const docker = path.join(place.environment['HOME'] ?? '', '.docker')
  fs.mkdirSync(docker)
  const file = path.join(docker, 'config.json')
  for (const key of [registry.host, `https://${registry.host}/v1/`]) {
    fs.writeFileSync(file, JSON.stringify({ auths: { [key]: { auth } } }))
    t.ok(await isIn(place), key)
  }
  t.match(await place.plyfs(['logout', registry.host]), {
    status: 1,
    stderr: /\.docker\/config\.json still has credentials/,
  })
  fs.rmSync(file)
  const auths = { [`${registry.host}/none`]: { auth }, [registry.host]: { auth: 'eDp5' } }
  fs.writeFileSync(place.authFile, JSON.stringify({ auths }))
  t.ok(await isIn(place), 'the longest key counts')
  t.match(await place.plyfs(['tags', `${registry.host}/some`]), { stderr: /as x: 401/ })
})

t.test('credential helpers', async t => {
  const place = freshPlace()
  const bin = path.join(place.base, 'bin')
  const kept = path.join(place.base, 'kept')
  fs.mkdirSync(bin)
  fs.mkdirSync(kept)
  // Keeps each secret in a file; says what docker's helpers say where there is none.
  fs.writeFileSync(
    path.join(bin, 'docker-credential-test'),
    `#!${process.execPath}
const fs = require('node:fs')
const input = fs.readFileSync(0, 'utf8')
const at = server => '${kept}/' + encodeURIComponent(server)
if (process.argv[2] === 'store') fs.writeFileSync(at(JSON.parse(input).ServerURL), input)
else if (!fs.existsSync(at(input))) {
  console.log('credentials not found in native keychain')
  process.exitCode = 1
} else if (process.argv[2] === 'erase') fs.rmSync(at(input))
else process.stdout.write(fs.readFileSync(at(input)))
`,
    { mode: 0o755 },
  )
  const env = {
    ...place.environment,
    PATH: `${bin}:${place.environment['PATH'] ?? ''}`,
  }
  const helpers = { credHelpers: { [registry.host]: 'test' } }
  fs.writeFileSync(place.authFile, JSON.stringify(helpers))
  t.match(
    await place.mustPlyfs(login, { env, input: 's3cret' }),
    /docker-credential-test/,
  )
  t.same(JSON.parse(fs.readFileSync(place.authFile, 'utf8')), helpers, 'no secret here')
  t.ok(await isIn(place, env))
  t.equal(
    await must('skopeo', ['login', '--get-login', registry.host], { env }),
    'alice\n',
  )
  await place.mustPlyfs(['logout', registry.host], { env })
  t.same(fs.readdirSync(kept), [])
  t.notOk(await isIn(place, env))

  // For all hosts: Docker's credsStore, and the list of registries.conf.
  fs.writeFileSync(
    path.join(kept, encodeURIComponent(registry.host)),
    JSON.stringify({
      ...{ ServerURL: registry.host, Username: 'alice', Secret: 's3cret' },
    }),
  )
  fs.writeFileSync(place.authFile, JSON.stringify({ credsStore: 'test' }))
  t.ok(await isIn(place, env))
  fs.writeFileSync(place.authFile, '{}')
  t.notOk(await isIn(place, env))
  place.configure(
    `insecureRegistries = ["${registry.host}"]\ncredentialHelpers = ["containers-auth.json", "test"]\n`,
  )
  t.ok(await isIn(place, env))
})

t.test('a password that is typed', async t => {
  const place = freshPlace()
  // script(1) gives the command a terminal; what comes before the question is shown by it.
  const command = `${plyfsProgram()} login ${registry.host}`
  const script = spawn('script', ['-qec', command, '/dev/null'], {
    env: place.environment,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  const answers: [string, string][] = [
    ['Username: ', 'alice'],
    ['Password: ', 's3cret'],
  ]
  script.stdout.on('data', (part: Buffer) => {
    said += part.toString()
    const [next] = answers
    if (next === undefined || !said.endsWith(next[0])) return
    answers.shift()
    script.stdin.write(`${next[1]}\n`)
  })
  const [status] = (await once(script, 'close')) as [number]
  t.equal(status, 0)
  t.match(said, /^Username: alice\r*\n[^]*Password: \r*\n[^]*Login Succeeded/)
  t.notMatch(said, /s3cret/)
  t.ok(await isIn(place))
})

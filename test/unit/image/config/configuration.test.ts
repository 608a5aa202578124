// Configuration files, plyfs's own and those of other container tools.
import * as fs from 'node:fs'
import * as path from 'node:path'
import t from 'tap'
import { loadConfiguration } from '../../../../src/image/config/configuration.js'
import type { Environment } from '../../../../src/image/config/environment.js'
import { candidateReferences } from '../../../../src/image/config/short-names.js'
import { isInsecure, tableFor } from '../../../../src/image/config/settings.js'
import { fullName } from '../../../../src/image/model/reference.js'

const home = t.testdir()
const config = path.join(home, '.config')
let variables: Record<string, string> = {}
const environment = (): Environment => ({ variables, home, uid: 1000 })

function write(name: string, text: string): void {
  const file = path.join(config, name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}

t.beforeEach(() => {
  fs.rmSync(config, { recursive: true, force: true })
  // A user's file, even an empty one, hides the machine's.
  write('containers/registries.conf', '')
  variables = {}
})

const load = () => loadConfiguration(environment())
const names = (text: string) => candidateReferences(text, load()).map(fullName)

t.test('nothing is configured', async t => {
  t.same(names('nginx'), ['docker.io/library/nginx:latest'])
  t.same(names('a/b:1'), ['docker.io/a/b:1'])
  t.same(names('localhost/a'), ['localhost/a:latest'])
})

t.test('registries.conf, with drop-in files', async t => {
  write(
    'containers/registries.conf',
    `unqualified-search-registries = ["one.example", "two.example/team"]
[[registry]]
prefix = "one.example/a"
location = "real.example/a"
[[registry]]
location = "plain.example"
insecure = true
[aliases]
"tool" = "three.example/tools/tool"
"gone" = "three.example/gone"
`,
  )
  write(
    'containers/registries.conf.d/10.conf',
    `[[registry]]\nprefix = "one.example/a"\nlocation = "other.example/a"
[aliases]\n"gone" = ""\n"more" = "four.example/more"\n`,
  )
  write('containers/registries.conf.d/ignored.txt', 'not = [toml')
  t.same(names('x:1'), ['one.example/x:1', 'two.example/team/x:1'])
  t.same(names('tool'), ['three.example/tools/tool:latest'])
  t.same(names('more:2'), ['four.example/more:2'])
  t.equal(names('gone').length, 2)
  t.equal(tableFor(load(), 'one.example/a/b:1')?.location, 'other.example/a')
  t.equal(tableFor(load(), 'one.example/ab'), undefined)
  t.ok(isInsecure(load(), 'plain.example/x'))
  t.notOk(isInsecure(load(), 'plain.example.org/x'))
})

t.test('the first version of registries.conf', async t => {
  write(
    'containers/registries.conf',
    `[registries.search]\nregistries = ['one.example']
[registries.insecure]\nregistries = ['plain.example:5000']
[registries.block]\nregistries = ['bad.example']\n`,
  )
  t.same(names('x'), ['one.example/x:latest'])
  t.ok(isInsecure(load(), 'plain.example:5000'))
  t.equal(tableFor(load(), 'bad.example/x')?.blocked, true)
})

t.test("plyfs's own file stands above", async t => {
  write(
    'containers/registries.conf',
    'unqualified-search-registries = ["theirs.example"]',
  )
  write(
    'plyfs/config.toml',
    `searchRegistries = ["ours.example"]
insecureRegistries = ["plain.example"]
[[registry]]
prefix = "docker.io"
mirrors = ["mirror.example/hub/"]
`,
  )
  t.same(names('x'), ['ours.example/x:latest'])
  t.match(tableFor(load(), 'docker.io/library/x')?.mirrors, [
    { location: 'mirror.example/hub', insecure: false },
  ])
  const other = path.join(home, 'other.toml')
  fs.writeFileSync(other, '')
  variables = { PLYFS_CONFIG: other }
  t.same(names('x'), ['theirs.example/x:latest'])
})

t.test('another registries.conf by its variable', async t => {
  const other = path.join(home, 'other.conf')
  fs.writeFileSync(other, 'unqualified-search-registries = ["chosen.example"]')
  variables = { CONTAINERS_REGISTRIES_CONF: other }
  t.same(load().searchRegistries, ['chosen.example'])
})

t.test('short names that are not to be chosen', async t => {
  write(
    'plyfs/config.toml',
    'searchRegistries = ["a.example", "b.example"]\nshortNameMode = "enforcing"\n',
  )
  t.throws(() => names('x'), { code: 'ambiguous' })
  t.same(names('a.example/x'), ['a.example/x:latest'])
})

const mistakes: readonly [string, RegExp][] = [
  ['insecureRegistry = ["x"]', /there is no setting 'insecureRegistry'/],
  ['insecureRegistries = "x"', /insecureRegistries must be a list of strings/],
  ['searchRegistries = [1]', /searchRegistries must be a list/],
  ['shortNameMode = "maybe"', /shortNameMode 'maybe' is unknown/],
  ['[[registry]]\ninsecure = true', /neither prefix nor location/],
  ['[[registry]]\nprefix = "a.*.example"', /must be \*\.HOST/],
  ['[[registry]]\nprefix = "x"\nmirorr = []', /there is no setting 'mirorr'/],
  ['x = [', /config\.toml:\d+: /],
]

for (const [text, message] of mistakes)
  t.test(`a mistake: ${text.split('\n').at(-1) ?? ''}`, async t => {
    write('plyfs/config.toml', text)
    t.throws(load, { code: 'invalid', message })
  })

t.test('the examples of the documentation', async t => {
  const text = fs.readFileSync('docs/registries.md', 'utf8')
  const examples = [...text.matchAll(/```toml\n([^]*?)```/g)]
  t.ok(examples.length >= 6)
  for (const [, example = ''] of examples) {
    write('plyfs/config.toml', example)
    t.doesNotThrow(load, example.split('\n', 2).join(' '))
  }
})

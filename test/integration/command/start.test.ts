// How the command starts: with what V8 made of it when it was built, and without.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { Script } from 'node:vm'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { run } from '../../helpers/run.js'
import { alice } from '../../helpers/users.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const PARTS = ['dist/bundle', 'native-helpers/build/Release'] as const
const built = path.resolve(fs.realpathSync(plyfsProgram()), '../../../..')
const HERE = `.${process.version}-${process.arch}.compiled`

/** The project as it is installed, in a folder of its own. */
function installed(name: string) {
  const root = path.join(scratch(), name)
  for (const part of PARTS)
    fs.cpSync(path.join(built, part), path.join(root, part), { recursive: true })
  const bundle = path.join(root, PARTS[0])
  const compiled = fs.readdirSync(bundle).filter(file => file.endsWith('.compiled'))
  const program = path.join(root, PARTS[1], 'plyfs')
  return {
    bundle,
    compiled: compiled.map(file => path.join(bundle, file)),
    program,
    images: (options = {}) =>
      run(program, ['images', '--root', path.join(scratch(), 'store')], options),
  }
}

const listed = { status: 0, stdout: /^REPOSITORY +TAG .*\n$/, stderr: '' }

t.test('V8 takes what was compiled at build time', async t => {
  const { bundle, compiled } = installed('taken')
  const own = compiled.find(file => file.endsWith(HERE))
  if (own === undefined) {
    t.pass('it was built with another Node')
    return
  }
  const name = own.slice(0, -HERE.length)
  t.equal(
    fs.readFileSync(path.join(bundle, 'plyfs.cjs'), 'utf8').includes(path.basename(name)),
    true,
  )
  const source = fs.readFileSync(`${name}.js`)
  t.equal(
    source.every(byte => byte < 0x80),
    true,
    'the source is ASCII',
  )
  const verbs = ['images', 'load', 'ps', 'diff', 'commit'].map(verb => `.${verb}`)
  for (const which of ['', ...verbs]) {
    const cachedData = fs.readFileSync(own.replace(/\.compiled$/, `${which}.compiled`))
    const filename = `${name}.js`
    const script = new Script(source.toString('latin1'), { filename, cachedData })
    t.equal(script.cachedDataRejected, false, `of all, or of a verb: ${which}`)
  }
})

t.test(
  'nothing compiled, half of it, or that of something else is no matter',
  async t => {
    const cases: Record<string, (file: string) => void> = {
      nothing: file => fs.rmSync(file),
      half: file => fs.truncateSync(file, fs.statSync(file).size >> 1),
      empty: file => fs.truncateSync(file),
      'something else': file =>
        fs.writeFileSync(file, new Script('1 + 1').createCachedData()),
    }
    for (const [name, spoil] of Object.entries(cases)) {
      const { compiled, images } = installed(name)
      for (const file of compiled) spoil(file)
      t.match(await images(), listed, name)
    }
  },
)

t.test('a call writes nothing beside the command', async t => {
  const { bundle, compiled, images } = installed('read-only')
  for (const file of compiled) fs.rmSync(file)
  const before = fs.readdirSync(bundle)
  t.match(await images(), listed)
  const home = path.join(scratch(), 'home')
  fs.mkdirSync(home)
  fs.chownSync(home, alice.uid, alice.gid)
  fs.chmodSync(scratch(), 0o755)
  const { program } = installed('of-root')
  const user = { uid: alice.uid, gid: alice.gid, env: { ...process.env, HOME: home } }
  t.match(
    await run(program, ['images', '--root', path.join(home, 'store')], user),
    listed,
  )
  t.same(fs.readdirSync(bundle), before)
  t.same(fs.readdirSync(home), ['store'])
})

t.test('a verb that is made alone is the one that is made among all', async t => {
  const verbs = ['unmount', 'run', 'wait', 'image', 'volume', 'diff', 'pull', 'daemon']
  for (const verb of verbs) {
    const alone = await run(plyfsProgram(), [verb, '--help'])
    const among = await run(plyfsProgram(), ['help', verb])
    t.match(among, { status: 0, stdout: /^Usage: plyfs /, stderr: '' }, verb)
    t.same(alone, among, verb)
  }
})

// What containers are run with: names of any language in the store's path, programs that are not
// there, a runtime that cannot do what it is told.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { loadUsual, ok, plyfs, processes, storeRoot, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
const archive = path.join(scratch(), 'box-1.tar')

t.test('a store whose path is in any language', async t => {
  const store = path.join(scratch(), 'Größe 日本')
  const verb = async (name: string, ...words: string[]) => {
    const out = await must(plyfsProgram(), [name, '--root', store, ...words], {
      limit: 60_000,
    })
    return out.replace(/\n$/, '')
  }
  await verb('load', '-q', '-i', archive)
  const words = ['--name', 'two', '-v', 'vol:/data', 'box:1', 'sleep', '99']
  const id = await verb('run', '-d', ...words)
  t.equal(await verb('exec', 'two', 'cat', '/data/from-image'), 'of the image')
  await verb('pause', 'two')
  await verb('unpause', 'two')
  t.match(await verb('top', 'two'), /sleep 99/)
  t.match(await verb('commit', 'two', 'committed:1'), /^sha256:/)
  await verb('stop', '-t', '0', 'two')
  t.equal(await verb('wait', 'two'), '137')
  t.equal(await verb('run', '--rm', 'committed:1', 'echo', 'ü'), 'ü')
  await verb('rm', id)
  t.same(
    fs.readdirSync(scratch()).filter(name => /Ã|�/.test(name)),
    [],
    'nothing was made beside it',
  )
})

t.test('a store whose path leads through a link', async t => {
  const link = path.join(scratch(), 'link')
  fs.symlinkSync(storeRoot(), link)
  const words = ['run', '--rm', '--root', link, '-u', 'alice', '-v', 'filled:/data']
  const ran = await run(plyfsProgram(), [...words, 'box:1', 'cat', '/data/from-image'])
  t.match(ran, { status: 0, stdout: 'of the image\n', stderr: '' })
  await ok('volume rm', 'filled')
})

t.test('a store whose path is not UTF-8 is refused', async t => {
  const script = `
    store="$2/$(printf 'x\\377y')"
    "$1" load -q --root "$store" -i "$3" && "$1" run --rm --root "$store" box:1 true`
  const words = ['-c', script, 'sh', plyfsProgram(), scratch(), archive]
  t.match(await run('sh', words, { limit: 60_000 }), {
    status: 125,
    stderr: /is not UTF-8, which the OCI runtime cannot handle/,
  })
})

t.test('a monitor that is not there is told, not thrown', async t => {
  // The program without it.
  const copy = path.join(scratch(), 'copy')
  const root = path.resolve(fs.realpathSync(plyfsProgram()), '../../../..')
  for (const part of ['dist', 'native-helpers/build/Release'])
    fs.cpSync(path.join(root, part), path.join(copy, part), { recursive: true })
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))
  fs.rmSync(path.join(copy, 'native-helpers/build/Release/plyfs-monitor'))
  const program = path.join(copy, 'native-helpers/build/Release/plyfs')
  const ran = await run(program, ['run', '--rm', '--root', storeRoot(), 'box:1', 'true'])
  t.match(ran, { status: 125, stderr: /^plyfs: cannot start the monitor: [^\n]*\n$/ })
  t.equal(await ok('ps', '-aq'), '')
})

t.test(
  'a runtime that cannot end a container is told, and nothing is made up',
  async t => {
    const broken = path.join(scratch(), 'broken')
    const runtime = path.join(scratch(), 'runtime')
    fs.writeFileSync(
      runtime,
      `#!/bin/sh
for word in "$@"; do
  [ "$word" = delete ] && [ -e ${broken} ] && { echo no way >&2; exit 1; }
done
exec runc "$@"
`,
      { mode: 0o755 },
    )
    const words = ['box:1', 'sleep', '1000']
    const id = await ok('run', '-d', '--name', 'left', '--runtime', runtime, ...words)
    const pid = await ok('inspect', '-f', '{{.State.Pid}}', id)
    fs.writeFileSync(broken, '')
    for (const program of [/plyfs-monitor/, /container-serve/])
      process.kill(
        Number(
          processes()
            .find(line => program.test(line))
            ?.split(' ')[0],
        ),
        'SIGKILL',
      )
    const told = await plyfs('ps', '-a', '--format', '{{.Status}}')
    t.match(told, { status: 0, stdout: 'Dead\n' })
    t.match(told.stderr, /cannot end what is left of the container left: .*no way/)
    t.ok(fs.existsSync(`/proc/${pid}`), 'it runs on')
    t.match(await plyfs('rm', id), { status: 1, stderr: /no way/ })
    fs.rmSync(broken)
    t.match(await ok('ps', '-a', '--format', '{{.Status}}'), /^Exited \(137\)/)
    t.ok(await until(() => !fs.existsSync(`/proc/${pid}`)))
    await ok('rm', id)
  },
)

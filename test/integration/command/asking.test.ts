// `plyfs which` and `plyfs stats`: what a mount says of a name, and of itself.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { makeFolders, plyfs, writable } from './command.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const folders = makeFolders(scratch())
const { point, upper, lowers } = folders

t.before(async () => {
  fs.writeFileSync(path.join(lowers[0], 'gone'), '')
  fs.writeFileSync(path.join(lowers[0], 'both'), 'upper one')
  fs.writeFileSync(path.join(lowers[1], 'both'), '')
  fs.mkdirSync(path.join(lowers[1], 'd'))
  for (const lower of lowers) fs.mkdirSync(path.join(lower, 'opaque'))
  fs.writeFileSync(path.join(lowers[0], 'opaque/new'), '')
  fs.writeFileSync(path.join(lowers[1], 'opaque/old'), '')
  await must('setfattr', [
    ...['-n', 'trusted.overlay.opaque', '-v', 'y'],
    path.join(lowers[0], 'opaque'),
  ])
  fs.symlinkSync('nowhere', path.join(lowers[0], 'link'))
  await must(plyfsProgram(), ['mount', '-o', writable(folders), point], { limit: 30_000 })
  await must('sh', ['-c', 'rm gone; echo more >>d/one; touch new; mkdir made'], {
    cwd: point,
  })
})
t.teardown(() => must('umount', ['-l', point]))

async function which(...names: string[]) {
  const ran = await plyfs([
    'which',
    '--json',
    ...names.map(name => path.join(point, name)),
  ])
  const answers = ran.stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as unknown)
  return { ...ran, answers }
}

t.test('names that are there', async t => {
  t.match(await which('two', 'both', 'd/one', 'new', 'link'), {
    status: 0,
    answers: [
      { name: 'two', state: 'present', type: 'file', layer: 'lower', layerIndex: 1 },
      { layer: 'lower', layerIndex: 0, path: path.join(lowers[0], 'both') },
      { layer: 'upper', copiedUp: true, path: path.join(upper, 'd/one') },
      { layer: 'upper', copiedUp: false, layerIndex: null },
      { type: 'symlink', layer: 'lower', layerIndex: 0 },
    ],
  })
})

t.test('directories', async t => {
  t.match(await which('d', 'made', '.', 'd/', 'd/..'), {
    status: 0,
    answers: [
      {
        type: 'directory',
        merged: [upper, ...lowers].map(layer => path.join(layer, 'd')),
      },
      { layer: 'upper', mergedTotal: 1 },
      { merged: [upper, ...lowers], mergedTotal: 3 },
      { name: 'd', mergedTotal: 3 },
      { mergedTotal: 3 },
    ],
  })
})

t.test('names that are not', async t => {
  t.match(await which('gone'), {
    status: 1,
    answers: [
      { state: 'whiteout', layer: 'upper', whiteoutIn: path.join(upper, 'gone') },
    ],
  })
  t.match(await which('never'), {
    status: 1,
    answers: [{ state: 'absent', layer: null, reason: 'no layer has this name' }],
  })
  t.match(await which('opaque/old', 'opaque', 'opaque/new'), {
    status: 1,
    answers: [
      { state: 'absent', reason: /opaque directory of the lower layer 0 hides/ },
      { type: 'directory', opaque: true, merged: [path.join(lowers[0], 'opaque')] },
      { layer: 'lower', layerIndex: 0 },
    ],
  })
  t.match(await plyfs(['which', path.join(point, 'no/where')]), {
    status: 2,
    stderr: /^plyfs: cannot open the directory .*ENOENT/,
  })
  t.match(await plyfs(['which', '/proc/self']), {
    status: 2,
    stderr: /not on a plyfs mount/,
  })
})

t.test('for people', async t => {
  const { stdout } = await plyfs([
    'which',
    path.join(point, 'd/one'),
    path.join(point, 'gone'),
  ])
  t.match(stdout, /is +file from the upper\n/)
  t.match(stdout, /\n\npath +.*gone\nis +hidden by the upper\n/)
})

t.test('a name that is not UTF-8', async t => {
  const name = Buffer.from(`${point}/n\xff`, 'latin1')
  const script =
    'touch "$(printf "n\\377")" && exec "$0" which --json "$(printf "n\\377")"'
  const ran = await run('sh', ['-c', script, plyfsProgram()], { cwd: point })
  t.match(ran, { status: 0, stderr: '', stdout: /"name":"n\\udcff"/ })
  t.ok(name.length > 0)
})

t.test('a caller who may not read the file', async t => {
  await must('sh', ['-c', 'echo secret >closed; chmod 600 closed'], { cwd: point })
  const ran = await plyfs(['which', '--json', path.join(point, 'closed')], {
    uid: 3001,
    gid: 3001,
  })
  t.match(ran, { status: 0, stdout: /"layer":"upper"/ })
})

t.test('figures', async t => {
  const ran = await plyfs(['stats', '--json', point])
  t.match(ran, { status: 0, stderr: '' })
  t.match(JSON.parse(ran.stdout), {
    pid: Number,
    protocol: /^7\.\d+$/,
    upper,
    lowers: 2,
    format: 'kernel-trusted',
    requests: { LOOKUP: Number },
    copyUps: { files: 1, directories: 1 },
  })
  t.match(await plyfs(['stats', path.join(point, 'd')]), {
    status: 0,
    stdout: /server +plyfs[^]*requests\n/,
  })
  t.match(await plyfs(['stats', '/proc']), { status: 1, stderr: /not on a plyfs mount/ })
})

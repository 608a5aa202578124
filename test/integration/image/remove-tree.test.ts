// Trees are removed whatever is in them: depth, bytes in names, modes, links to elsewhere.
import * as fs from 'node:fs'
import t from 'tap'
import { compareTrees } from '../../../src/image/store/compare-trees.js'
import { removeTree } from '../../../src/image/store/remove-tree.js'
import { temporary } from '../../helpers/store.js'

t.test('a deep tree with odd names, and a link that leads out', async t => {
  const folder = temporary(t, 'tree')
  const doomed = `${folder}/doomed`
  fs.mkdirSync(doomed)
  fs.writeFileSync(`${folder}/kept`, 'kept')
  fs.symlinkSync(folder, `${doomed}/out`)
  fs.writeFileSync(Buffer.from(`${doomed}/\xff\xfe`, 'latin1'), '')
  // Deeper than a path may be long: made relative to where we are.
  const back = process.cwd()
  process.chdir(doomed)
  for (let depth = 0; depth < 600; depth++) {
    fs.mkdirSync('0123456789')
    fs.writeFileSync('f', '')
    process.chdir('0123456789')
  }
  process.chdir(back)
  fs.chmodSync(`${doomed}/0123456789`, 0)
  removeTree(doomed)
  t.same(fs.readdirSync(folder), ['kept'])
  removeTree(doomed)
  t.pass('what is not there is removed already')
})

t.test('differences between trees are named', async t => {
  const folder = temporary(t, 'trees')
  for (const side of ['a', 'b']) {
    fs.mkdirSync(`${folder}/${side}/d`, { recursive: true })
    for (const name of ['same', 'contents', 'mode', 'time', 'size', 'type', 'link'])
      fs.writeFileSync(`${folder}/${side}/${name}`, 'x')
    fs.symlinkSync(side === 'a' ? 'x' : 'y', `${folder}/${side}/target`)
  }
  const b = `${folder}/b`
  fs.writeFileSync(`${b}/contents`, 'y')
  fs.chmodSync(`${b}/mode`, 0o600)
  fs.writeFileSync(`${b}/size`, 'longer')
  fs.rmSync(`${b}/type`)
  fs.mkdirSync(`${b}/type`)
  fs.rmSync(`${b}/link`)
  fs.linkSync(`${b}/same`, `${b}/link`)
  fs.writeFileSync(`${b}/d/added`, '')
  fs.writeFileSync(`${folder}/a/d/gone`, '')
  for (const side of ['a', 'b']) {
    for (const name of fs.readdirSync(`${folder}/${side}`))
      fs.lutimesSync(`${folder}/${side}/${name}`, 1000, 1000)
    fs.utimesSync(`${folder}/${side}`, 1000, 1000)
  }
  fs.utimesSync(`${b}/time`, 1000, 1001)
  const found = compareTrees(`${folder}/a`, b).map(({ path, what }) => `${path} ${what}`)
  t.same(found.toSorted(), [
    '/contents contents',
    '/d/added added',
    '/d/gone missing',
    '/link hard links',
    '/mode mode',
    '/same hard links',
    '/size size',
    '/target target',
    '/time modification time',
    '/type type',
  ])
  t.same(compareTrees(b, b), [])
})

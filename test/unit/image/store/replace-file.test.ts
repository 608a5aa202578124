// Both ways to replace a file leave the old or the new one, and nothing beside it.
import * as fs from 'node:fs'
import * as path from 'node:path'
import t from 'tap'
import {
  replaceFile,
  replaceFileAside,
} from '../../../../src/image/store/replace-file.js'
import { temporary } from '../../../helpers/store.js'

const ways = {
  replaceFile: (file: string, text: string): Promise<void> => {
    replaceFile(file, text)
    return Promise.resolve()
  },
  replaceFileAside,
}

for (const [name, replace] of Object.entries(ways)) {
  t.test(`${name}: the old one stays readable until the new one is whole`, async t => {
    const folder = temporary(t)
    const file = path.join(folder, 'file')
    await replace(file, 'first')
    const old = fs.openSync(file, 'r')
    await replace(file, 'second')
    t.equal(fs.readFileSync(file, 'latin1'), 'second')
    t.equal(fs.readFileSync(old, 'latin1'), 'first')
    fs.closeSync(old)
    t.same(fs.readdirSync(folder), ['file'])
  })

  t.test(`${name}: what cannot be put into its place leaves nothing`, async t => {
    const folder = temporary(t)
    fs.mkdirSync(path.join(folder, 'taken'))
    fs.writeFileSync(path.join(folder, 'taken/in'), '')
    await t.rejects(
      Promise.resolve().then(() => replace(path.join(folder, 'taken'), 'text')),
      { code: 'EISDIR' },
    )
    t.same(fs.readdirSync(folder), ['taken'])
  })
}

t.test(
  'replaceFileAside: the file is as it was until the disk has the new one',
  async t => {
    const file = path.join(temporary(t), 'file')
    replaceFile(file, 'first')
    const replaced = replaceFileAside(file, 'second')
    t.equal(fs.readFileSync(file, 'latin1'), 'first')
    await replaced
    t.equal(fs.readFileSync(file, 'latin1'), 'second')
  },
)

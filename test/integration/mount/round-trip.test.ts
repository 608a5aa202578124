// The whole way once: mounted, read, changed, unmounted, mounted again. Short, so that every
// supported version of Node.js can be given it.
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'

const { t } = await isolated(import.meta.url)

t.test('changes are there after a remount, and the layer is as it was', async t => {
  const lower = freshDirectory(scratch(), 'lower')
  await fs.mkdir(path.join(lower, 'folder'))
  for (const name of ['kept', 'changed', 'removed', 'moved', 'folder/inside']) {
    await fs.writeFile(path.join(lower, name), `${name}, from below\n`)
  }
  const layers = {
    lower: [lower],
    upper: freshDirectory(scratch(), 'upper'),
    work: freshDirectory(scratch(), 'work'),
  }

  const first = await mountPlyfs(layers)
  const at = (name: string) => path.join(first.point, name)
  t.same((await fs.readdir(first.point)).sort(), (await fs.readdir(lower)).sort())
  t.equal(await fs.readFile(at('folder/inside'), 'utf8'), 'folder/inside, from below\n')
  await fs.appendFile(at('changed'), 'and changed\n')
  await fs.rm(at('removed'))
  await fs.rename(at('moved'), at('folder/moved'))
  await fs.writeFile(at('new'), 'new\n')
  t.same(await first.end(), [])

  const second = await mountPlyfs(layers)
  const read = (name: string) => fs.readFile(path.join(second.point, name), 'utf8')
  t.same((await fs.readdir(second.point)).sort(), ['changed', 'folder', 'kept', 'new'])
  t.same((await fs.readdir(path.join(second.point, 'folder'))).sort(), [
    'inside',
    'moved',
  ])
  t.equal(await read('kept'), 'kept, from below\n')
  t.equal(await read('changed'), 'changed, from below\nand changed\n')
  t.equal(await read('folder/moved'), 'moved, from below\n')
  t.equal(await read('new'), 'new\n')
  t.same(await second.end(), [])

  t.same((await fs.readdir(lower)).length, 5)
  t.equal(await fs.readFile(path.join(lower, 'changed'), 'utf8'), 'changed, from below\n')
})

// Extended attributes through the mount as another binding sees them: fs-xattr, which uses the
// calls by path, and shares no code with plyfs. Set on a lower file they go to the copy above.
import { getAttribute, listAttributes, removeAttribute, setAttribute } from 'fs-xattr'
import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { mountPlyfs } from '../../helpers/mounted.js'

const { t } = await isolated(import.meta.url)

async function attributesOf(file: string): Promise<Record<string, string>> {
  const names = [...(await listAttributes(file))].sort()
  const found: Record<string, string> = {}
  for (const name of names) {
    found[name] = (await getAttribute(file, name)).toString('latin1')
  }
  return found
}

t.test('attributes through the mount, and in the layers', async t => {
  const lower = freshDirectory(scratch(), 'lower')
  const upper = freshDirectory(scratch(), 'upper')
  const work = freshDirectory(scratch(), 'work')
  const [file, folder] = ['file', 'folder']
  await fs.writeFile(path.join(lower, file), 'from below\n')
  await fs.mkdir(path.join(lower, folder))
  await setAttribute(path.join(lower, file), 'user.below', 'a value')
  const mount = await mountPlyfs({ lower: [lower], upper, work })
  const at = (name: string) => path.join(mount.point, name)

  t.same(await attributesOf(at(file)), { 'user.below': 'a value' })
  await setAttribute(at(file), 'user.above', Buffer.from([0xff, 0, 0xfe]))
  const both = { 'user.above': '\xff\0\xfe', 'user.below': 'a value' }
  t.same(await attributesOf(at(file)), both)
  t.match(await attributesOf(path.join(upper, file)), both, 'copied up with all of it')
  t.same(await attributesOf(path.join(lower, file)), { 'user.below': 'a value' })

  await removeAttribute(at(file), 'user.below')
  t.same(await attributesOf(at(file)), { 'user.above': '\xff\0\xfe' })
  await t.rejects(getAttribute(at(file), 'user.below'), { code: 'ENODATA' })

  // The overlay's own marks are on disk, and not for users to see.
  await fs.rm(at(folder), { recursive: true })
  await fs.mkdir(at(folder))
  t.same(await attributesOf(at(folder)), {})
  const onDisk = await attributesOf(path.join(upper, folder))
  t.equal(onDisk['trusted.overlay.opaque'], 'y')
  t.same(await mount.end(), [])
})

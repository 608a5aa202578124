// A file entry under the name of a symlink: it takes the place of the link, and is not written
// through it; nor are owner, mode, times or attributes set through one.
import * as fs from 'node:fs'
import t from 'tap'
import { file, makeTar, symlink } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('the file takes the place of the symlink', async t => {
  const g = ground(t)
  const canary = `${g.outside}/canary`
  const before = fs.statSync(canary)
  const layer = await g.add(
    makeTar(
      symlink('f', canary, { uid: 4321, mode: 0o600, mtime: 5 }),
      symlink('kept', canary, {
        uid: 4321,
        mtime: 5,
        pax: { 'SCHILY.xattr.trusted.x': 'y' },
      }),
      file('f', 'overwritten'),
    ),
  )
  t.equal(fs.readFileSync(canary, 'utf8'), 'untouched')
  const after = fs.statSync(canary)
  t.same(
    [after.uid, after.mode, after.ctimeMs],
    [before.uid, before.mode, before.ctimeMs],
  )
  t.equal(fs.readFileSync(`${layer}/f`, 'utf8'), 'overwritten')
  t.ok(fs.lstatSync(`${layer}/kept`).isSymbolicLink())
})

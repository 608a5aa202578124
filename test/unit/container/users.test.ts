// USER[:GROUP] below a root, as docker reads it.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import t from 'tap'
import { identityOf } from '../../../src/container/users.js'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../../src/sys/constants.js'
import { openat2 } from '../../../src/sys/file.js'

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-users-'))
t.teardown(() => fs.rmSync(folder, { recursive: true }))
fs.mkdirSync(`${folder}/etc`)
fs.writeFileSync(
  `${folder}/etc/passwd`,
  'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001:Alice:/home/alice:/bin/sh\n77:x:5:6::/h:\n',
)
fs.writeFileSync(
  `${folder}/etc/group`,
  'root:x:0:\nalice:x:1001:\nstaff:x:50:bob,alice\n',
)
const root = openat2(AT_FDCWD, folder, O_PATH | O_DIRECTORY, 0, 0)

t.test('users by name and number, groups by name and number', async t => {
  const alice = { uid: 1000, gid: 1001, groups: [50], home: '/home/alice' }
  t.same(identityOf('', root), { uid: 0, gid: 0, groups: [], home: '/root' })
  t.same(identityOf('alice', root), alice)
  t.same(identityOf('1000', root), alice)
  t.same(identityOf('alice:staff', root), { ...alice, gid: 50, groups: [] })
  t.same(identityOf('alice:7', root), { ...alice, gid: 7, groups: [] })
  t.same(identityOf('88:99', root), { uid: 88, gid: 99, groups: [], home: '' })
  t.equal(identityOf('77', root).uid, 5, 'a name that looks like a number is a name')
})

t.test('names that nobody has', async t => {
  t.throws(() => identityOf('nobody', root), /unable to find user nobody/)
  t.throws(() => identityOf('alice:wheel', root), /unable to find group wheel/)
  t.throws(() => identityOf('99999999999', root), /unable to find user/)
})

t.test('no link leads out of the root', async t => {
  const inside = path.join(folder, 'sub')
  fs.mkdirSync(`${inside}/etc`, { recursive: true })
  fs.symlinkSync('../../../../../../etc/passwd', `${inside}/etc/passwd`)
  fs.symlinkSync('/proc/self/root/etc/group', `${inside}/etc/group`)
  const fd = openat2(AT_FDCWD, inside, O_PATH | O_DIRECTORY, 0, 0)
  t.throws(() => identityOf('root', fd))
})

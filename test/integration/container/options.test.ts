// What a container runs with, as docker has it: user, directory, environment, command, network,
// capabilities, limits.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file } from '../../helpers/make-tar.js'
import { GROUP, loadBox, loadUsual, ok, PASSWD } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

t.test('user, directory, environment and host name', async t => {
  await loadBox('links:1', [
    directory('etc/'),
    { path: 'etc/passwd', flag: '2', link: '/real/passwd' },
    { path: 'etc/group', flag: '2', link: '../../../../real/group' },
    directory('real/'),
    file('real/passwd', PASSWD),
    file('real/group', GROUP),
  ])
  const list = path.join(scratch(), 'env')
  fs.writeFileSync(list, '# a comment\nA=of the file\nB=b\n')
  const words = 'id; pwd; hostname; echo $A $HOME $B'
  const flags = ['-w', '/new/dir', '-h', 'boxy', '-e', 'A=1', '-e', 'A=2', '-u', 'alice']
  t.equal(
    await ok('run', '--rm', '--env-file', list, ...flags, 'links:1', 'sh', '-c', words),
    'uid=1000(alice) gid=1001(alice) groups=50(staff)\n/new/dir\nboxy\n2 /home/alice b',
    'names are looked up inside the root, through its links',
  )
})

t.test('entrypoint and command go together as docker has them', async t => {
  await loadBox('entry:1', [], { Entrypoint: ['echo', 'entry'], Cmd: ['cmd'] })
  t.equal(await ok('run', '--rm', 'entry:1'), 'entry cmd')
  t.equal(await ok('run', '--rm', 'entry:1', 'mine'), 'entry mine')
  t.equal(await ok('run', '--rm', '--entrypoint', 'echo', 'entry:1', 'mine'), 'mine')
  t.equal(await ok('run', '--rm', '--entrypoint', 'echo', 'entry:1'), '')
  t.equal(await ok('run', '--rm', '--entrypoint', '', 'entry:1', 'echo', 'x'), 'x')
})

t.test('arguments are bytes, and dashes after the image are the command’s', async t => {
  const ran = await ok('run', '--rm', 'box:1', 'echo', '-o', '--rm', '-h', 'größe')
  t.equal(ran, '-o --rm -h größe')
})

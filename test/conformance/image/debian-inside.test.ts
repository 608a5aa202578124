// Debian's own tools at work inside of a mounted Debian: packages are fetched, installed, checked
// against their digests, and removed by apt and dpkg in the writable layer; git clones, and make
// builds a C program.
import * as fs from 'node:fs'
import { isolated } from '../../helpers/isolated.js'
import { freshDirectory } from '../../helpers/images.js'
import { must } from '../../helpers/run.js'
import { openShop } from '../../integration/image/verbs.js'

const { t } = await isolated(import.meta.url, { silence: 300_000, total: 590_000 })
t.setTimeout(0)

const cache = process.env['PLYFS_TEST_CACHE'] ?? '/var/cache/plyfs-test'
const path = `${cache}/debian-httpd.docker.tar`
const skip = !fs.existsSync(path) && `${path} is missing: scripts/test-images makes it`

t.test('apt-get and dpkg', { skip }, async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', path)
  const point = freshDirectory(shop.folder, 'debian')
  await shop.plyfs('mount', '--rw', 'quay.io/plyfs/debian-httpd:1', point)
  fs.copyFileSync('/etc/resolv.conf', `${point}/etc/resolv.conf`)
  await must('mount', ['-t', 'proc', 'proc', `${point}/proc`])
  const inside = (script: string): Promise<string> =>
    must('chroot', [point, 'sh', '-ec', script], {
      limit: 200_000,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    })
  await inside('apt-get -q update; cd /tmp; apt-get -q download hello')
  t.match(await inside('dpkg -i /tmp/hello_*.deb'), /Setting up hello/)
  t.equal(await inside('hello'), 'Hello, world!\n')
  t.match(await inside('apt-get -qy install --no-install-recommends sl'), /Setting up sl/)
  t.equal(await inside('dpkg --verify'), '', 'every installed file is as packaged')
  t.match(await inside('dpkg -r hello sl'), /Removing sl/)
  t.notOk(fs.existsSync(`${point}/usr/games/sl`))
  t.equal(await inside('dpkg --verify'), '')

  await inside('apt-get -qy install --no-install-recommends git make gcc libc6-dev')
  t.equal(await inside('dpkg --verify'), '', 'large packages are whole, too')
  await inside(`mkdir /src; cd /src; git init -q .
    for i in 1 2 3 4; do echo "int f$i(void) { return $i; }" > f$i.c; done
    echo 'int f1(void), f2(void), f3(void), f4(void);' > main.c
    echo 'int main(void) { return f1() + f2() + f3() + f4() - 10; }' >> main.c
    printf 'all: prog\\nprog: main.o f1.o f2.o f3.o f4.o\\n\\tcc -o $@ $^\\n' > Makefile
    git add .; git -c user.name=n -c user.email=e commit -qm first`)
  await inside('git clone -q /src /clone; cd /clone; git fsck --strict')
  t.equal(await inside('cd /clone; git status --porcelain'), '')
  await inside('cd /clone; make -s -j4; ./prog')
  await must('umount', [`${point}/proc`])
  await must('umount', [point])
})

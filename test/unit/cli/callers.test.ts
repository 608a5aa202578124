// Command lines that podman, buildah, dockerd, containerd and mount(8) were seen to send to a mount
// program, and what becomes of them. $G is a graph root, L a layer of 64 hex digits, ID one of 26.
import t from 'tap'
import { parseHelper } from '../../../src/cli/mount-helper.js'
import { parseDropIn } from '../../../src/cli/overlayfs.js'
import type { MountPlan } from '../../../src/mount/mount-plan.js'
import { planMount, type MountCommand } from '../../../src/mount/open-mount.js'
import { parseOptions } from '../../../src/mount/parse-options.js'
import { MS_NOATIME, MS_NODEV, MS_NOEXEC, MS_RDONLY } from '../../../src/sys/constants.js'
import { dropIn, given } from '../mount/circumstances-of.js'

const G = '/var/lib/containers/storage/overlay'
const L = `${G}/4f3e0a9c${'0'.repeat(56)}`
const IDS = [
  '2WFOKNZVQ7XUBRJ2KHGTBTWZ5X',
  'JYEBZSGPTKVLWXGVKNHBHZIGNO',
  'QVPKD3BSGFNM3DMQMOC5GIO5CD',
]
const LINKS = IDS.map(id => `${G}/l/${id}`)

function planned(
  args: readonly string[],
  cwd = G,
): { plan: MountPlan; unknown: string[] } {
  const command = parseDropIn(args, 'fuse-overlayfs')
  if (typeof command === 'string') throw new Error(`taken for --${command}`)
  const request = parseOptions(command.options, 'collect')
  return { plan: planMount(command, request, dropIn({ cwd })), unknown: request.unknown }
}

t.test('podman run', async t => {
  const { plan, unknown } = planned([
    '-o',
    `lowerdir=${LINKS.join(':')},upperdir=${L}/diff,workdir=${L}/work,,volatile`,
    `${L}/merged`,
  ])
  t.match(plan, {
    form: 'drop-in',
    mountPoint: `${L}/merged`,
    foreground: false,
    overlay: {
      lowers: LINKS,
      upper: `${L}/diff`,
      work: `${L}/work`,
      format: 'fuse-overlayfs',
      sync: 'none',
    },
    device: { flags: MS_NODEV | MS_NOATIME, subtype: 'fuse-overlayfs' },
  })
  t.same(unknown, [])
})

t.test('podman start: a comma at the end', async t => {
  const options = `lowerdir=${LINKS.join(':')},upperdir=${L}/diff,workdir=${L}/work,`
  const { plan, unknown } = planned(['-o', options, `${L}/merged`])
  t.match(plan.overlay, { lowers: LINKS, work: `${L}/work`, sync: 'fsync-only' })
  t.same(unknown, [])
})

t.test('podman image mount: nothing to write to', async t => {
  const options = `lowerdir=${[`${L}/diff`, ...LINKS].join(':')}`
  const { plan } = planned(['-o', options, `${L}/merged`])
  t.match(plan.overlay, { lowers: [`${L}/diff`, ...LINKS], upper: null, readOnly: true })
  t.equal(plan.device.flags & MS_RDONLY, MS_RDONLY)
})

t.test('buildah: a volume of :O, its colons escaped', async t => {
  const C = '/run/overlay-containers/c/userdata/overlay/1'
  const options = `lowerdir=/srv/a\\:b,upperdir=${C}/upper,workdir=${C}/work,private`
  const { plan, unknown } = planned(['-o', options, `${C}/merge`], '/home/user')
  t.same(plan.overlay.lowers, ['/srv/a:b'])
  t.equal(plan.device.propagation, 0)
  t.same(unknown, [])
})

t.test('podman --uidmap: a colon at the beginning', async t => {
  const map = ':0:100000:65536'
  const options = `lowerdir=${G}/l/ID,upperdir=${L}/diff,workdir=${L}/work,,volatile,uidmapping=${map},gidmapping=${map}`
  const { plan } = planned(['-o', options, `${L}/merged`])
  const mapping = [{ outside: 0, inside: 100000, count: 65536 }]
  t.same(plan.overlay.uidMap, mapping)
  t.same(plan.overlay.gidMap, mapping)
})

t.test('podman --userns=keep-id', async t => {
  const map = ':0:1:1001:1001:0:1:1002:1002:64535'
  const options = `lowerdir=/l,upperdir=/u,workdir=/w,,volatile,uidmapping=${map},gidmapping=${map}`
  t.same(planned(['-o', options, '/m']).plan.overlay.uidMap, [
    { outside: 0, inside: 1, count: 1001 },
    { outside: 1001, inside: 0, count: 1 },
    { outside: 1002, inside: 1002, count: 64535 },
  ])
})

t.test('SELinux contexts of containers/storage', async t => {
  const options =
    'lowerdir=/l,upperdir=/u,workdir=/w,,context="system_u:object_r:container_file_t:s0:c100,c200",xattr_permissions=2'
  const { plan, unknown } = planned(['-o', options, '/m'])
  t.match(plan.overlay, { xattrPermissions: 2, upper: '/u' })
  t.same(plan.device.securityContext, [])
  t.same(unknown, [])
})

t.test('dockerd', async t => {
  const D = '/var/lib/docker/fuse-overlayfs'
  const options = `lowerdir=${D}/l/A:${D}/l/B,upperdir=${D}/x-init/diff,workdir=${D}/x-init/work`
  t.match(planned(['-o', options, `${D}/x-init/merged`], D).plan, {
    mountPoint: `${D}/x-init/merged`,
    overlay: { lowers: [`${D}/l/A`, `${D}/l/B`] },
  })
})

t.test('containerd through mount.fuse3: a source, and options at the end', async t => {
  const { plan, unknown } = planned([
    'overlay',
    '/run/target',
    '-o',
    'workdir=/s/1/work,upperdir=/s/1/fs,lowerdir=/s/3/fs:/s/2/fs,dev,suid',
  ])
  t.match(plan, {
    mountPoint: '/run/target',
    overlay: { lowers: ['/s/3/fs', '/s/2/fs'], upper: '/s/1/fs', work: '/s/1/work' },
    device: { flags: MS_NOATIME, source: 'fuse-overlayfs' },
  })
  t.same(unknown, [])
})

t.test('120 layers', async t => {
  const lowers = Array.from(
    { length: 120 },
    (_, i) => `${G}/l/${String(i).padStart(26, 'A')}`,
  )
  const { plan } = planned(['-o', `lowerdir=${lowers.join(':')}`, '/m'])
  t.same(plan.overlay.lowers, lowers)
})

t.test('options in several pieces, and unknown ones', async t => {
  const args = [
    '-olowerdir=/l',
    '-f',
    '-o',
    'upperdir=/u,foo=bar',
    '-o',
    'workdir=/w',
    '/m',
  ]
  const { plan, unknown } = planned(args)
  t.match(plan, {
    foreground: true,
    overlay: { lowers: ['/l'], upper: '/u', work: '/w' },
  })
  t.same(unknown, ['foo=bar'])
  t.match(planned(['-o', 'debug,lowerdir=/l', '/m']).plan, {
    debug: true,
    foreground: true,
  })
})

function helped(args: readonly string[]): MountCommand {
  return parseHelper(args).command
}

t.test('mount(8) and fstab', async t => {
  const command = helped([
    'overlay',
    '/mnt',
    '-o',
    'rw,noexec,lowerdir=/l,upperdir=/u,workdir=/w,noauto,x-systemd.requires=/u',
  ])
  const plan = planMount(
    command,
    parseOptions(command.options, 'refuse'),
    given({ form: 'helper' }),
  )
  t.match(plan, {
    form: 'helper',
    mountPoint: '/mnt',
    overlay: { format: 'kernel-trusted', redirectDir: 'on', index: true },
    device: { source: 'overlay', subtype: 'plyfs', flags: MS_NOEXEC },
  })
})

t.test("the helper's own letters", async t => {
  t.match(parseHelper(['none', '/m', '-sfnv', '-t', 'fuse.plyfs', '-o', 'ro']), {
    fake: true,
    command: { sloppy: true, source: 'none', mountPoint: '/m', options: ['ro'] },
  })
  t.throws(() => parseHelper(['none']), { message: /SPEC DIR/ })
  t.throws(() => parseHelper(['none', '/m', '-N', '/proc/1/ns/mnt']), {
    message: /nsenter/,
  })
})

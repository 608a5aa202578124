// Hard links of lowers stay together, also over a remount, and their count is right all along.
import type { Test } from 'tap'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { dir, file, hardlink, type Tree } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const tree: Tree = {
  one: file('data'),
  two: hardlink('one'),
  d: dir({ three: hardlink('one') }),
}

/** Runs `act` on a mount, and `check` both on the same mount and after a remount. */
async function twice(
  t: Test,
  layers: WritableLayers,
  act: (point: string) => void,
  check: (point: string, when: string) => void,
): Promise<void> {
  let mounted: Mounted = await mountPlyfs(layers)
  act(mounted.point)
  check(mounted.point, 'at once')
  t.same(await mounted.end(), [])
  mounted = await mountPlyfs(layers)
  check(mounted.point, 'after a remount')
  t.same(await mounted.end(), [])
}

t.test('a write by one name shows by all', async t => {
  const layers = await makeStack({ lowers: [tree] })
  await twice(
    t,
    layers,
    point => calls.writeFile(`${point}/one`, 'written'),
    (point, when) => {
      for (const name of ['one', 'two', 'd/three']) {
        t.equal(calls.readText(`${point}/${name}`), 'written', `${name} ${when}`)
        t.equal(calls.stat(`${point}/${name}`).nlink, 3, `nlink of ${name} ${when}`)
      }
      t.equal(calls.stat(`${point}/one`).ino, calls.stat(`${point}/d/three`).ino)
    },
  )
})

t.test('a name written after a remount joins', async t => {
  const layers = await makeStack({ lowers: [tree] })
  await twice(
    t,
    layers,
    point => calls.writeFile(`${point}/one`, 'first'),
    (point, when) => {
      calls.withOpen(`${point}/two`, C.O_WRONLY | C.O_APPEND, fd =>
        calls.write(fd, ` ${when}`),
      )
      t.match(calls.readText(`${point}/d/three`), new RegExp(`^first.* ${when}$`))
    },
  )
})

t.test('an immutable file is so by a name that was not copied up', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const protect = (point: string, flags: number): void => {
    calls.withOpen(`${point}/one`, C.O_RDONLY, fd => {
      calls.setFlags(fd, flags)
    })
  }
  let mounted: Mounted = await mountPlyfs(layers)
  protect(mounted.point, C.FS_IMMUTABLE_FL)
  t.same(await mounted.end(), [])
  mounted = await mountPlyfs(layers)
  const { point } = mounted
  for (const name of ['two', 'd/three', 'one']) {
    const path = `${point}/${name}`
    t.equal(
      calls.outcomeOf(() => {
        calls.setxattr(path, 'user.k', 'v')
      }),
      'EPERM',
      name,
    )
    t.equal(
      calls.withOpen(path, C.O_RDONLY, fd => calls.getFlags(fd)) & C.FS_IMMUTABLE_FL,
      C.FS_IMMUTABLE_FL,
      name,
    )
  }
  protect(point, 0)
  calls.unlink(`${point}/two`)
  t.same(await mounted.end(), [])
})

t.test(
  'a metadata-only copy shows its data by a name that was not copied up',
  async t => {
    const layers = await makeStack({ lowers: [tree] })
    const how = { options: ['metacopy=on'] }
    let mounted: Mounted = await mountPlyfs(layers, how)
    calls.chmod(`${mounted.point}/one`, 0o600)
    t.same(await mounted.end(), [])
    mounted = await mountPlyfs(layers, how)
    for (const name of ['two', 'd/three', 'one']) {
      t.equal(calls.readText(`${mounted.point}/${name}`), 'data', name)
      t.equal(calls.stat(`${mounted.point}/${name}`).mode & 0o777, 0o600, name)
    }
    calls.withOpen(`${mounted.point}/two`, C.O_WRONLY | C.O_APPEND, fd =>
      calls.write(fd, ', more'),
    )
    t.equal(calls.readText(`${mounted.point}/d/three`), 'data, more')
    t.same(await mounted.end(), [])
  },
)

t.test('removed names', async t => {
  const layers = await makeStack({ lowers: [tree] })
  await twice(
    t,
    layers,
    point => calls.unlink(`${point}/one`),
    (point, when) => {
      t.equal(calls.stat(`${point}/two`).nlink, 2, when)
      t.equal(calls.readText(`${point}/d/three`), 'data', when)
    },
  )
  await twice(
    t,
    layers,
    point => {
      calls.unlink(`${point}/two`)
      calls.unlink(`${point}/d/three`)
    },
    (point, when) =>
      t.same([calls.names(point), calls.names(`${point}/d`)], [['d'], []], when),
  )
  const index = calls.names(`${layers.work}/index`).filter(name => !name.startsWith('#'))
  t.same(index, [], 'nothing is left in the index')
})

t.test('new names of a lower file', async t => {
  const layers = await makeStack({ lowers: [tree] })
  await twice(
    t,
    layers,
    point => {
      calls.link(`${point}/one`, `${point}/four`)
      calls.link(`${point}/d/three`, `${point}/d/five`)
      calls.unlink(`${point}/two`)
    },
    (point, when) => {
      for (const name of ['one', 'd/three', 'four', 'd/five']) {
        t.equal(calls.stat(`${point}/${name}`).nlink, 4, `${name} ${when}`)
      }
      t.equal(calls.stat(`${point}/four`).ino, calls.stat(`${point}/one`).ino, when)
    },
  )
})

t.test('a name replaced by rename', async t => {
  const layers = await makeStack({ lowers: [tree] })
  await twice(
    t,
    layers,
    point => {
      calls.writeFile(`${point}/new`, 'new')
      calls.rename(`${point}/new`, `${point}/two`)
    },
    (point, when) => {
      t.equal(calls.stat(`${point}/one`).nlink, 2, when)
      t.equal(calls.readText(`${point}/two`), 'new', when)
      t.equal(calls.stat(`${point}/two`).nlink, 1, when)
    },
  )
})

t.test('an open descriptor from before', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers)
  const fd = calls.open(`${mounted.point}/d/three`, C.O_RDONLY)
  calls.writeFile(`${mounted.point}/one`, 'WRITTEN')
  t.equal(
    calls.pread(fd, 10, 0).toString(),
    'WRITTEN',
    'sees what is written by another name',
  )
  for (const name of ['one', 'two', 'd/three']) calls.unlink(`${mounted.point}/${name}`)
  t.equal(calls.fstat(fd).nlink, 0, 'nlink without names')
  t.equal(calls.pread(fd, 10, 0).toString(), 'WRITTEN', 'contents without names')
  calls.close(fd)
  t.same(await mounted.end(), [])
})

t.test('without the index they part, as told', async t => {
  const layers = await makeStack({ lowers: [tree] })
  const mounted = await mountPlyfs(layers, { options: ['index=off'] })
  calls.writeFile(`${mounted.point}/one`, 'written')
  t.equal(calls.readText(`${mounted.point}/two`), 'data')
  t.equal(calls.stat(`${mounted.point}/one`).nlink, 1)
  t.same(await mounted.end(), [])
})

t.test(
  'the name that is left while the file is open by one that was removed',
  async t => {
    const upper: Tree = { one: file('data'), two: hardlink('one') }
    const layers = await makeStack({ lowers: [{}], upper })
    for (const passthrough of ['on', 'off']) {
      // The server knows the file by this name alone when it goes.
      const mounted = await mountPlyfs(layers, {
        options: [`passthrough=${passthrough}`],
      })
      const [one, two] = [`${mounted.point}/one`, `${mounted.point}/two`]
      const fd = calls.open(one, C.O_RDWR)
      calls.unlink(one)
      t.equal(calls.stat(two).ino, calls.fstat(fd).ino, 'one inode')
      t.equal(calls.readText(two), 'data')
      calls.write(fd, 'longer than it was')
      calls.fchmod(fd, 0o600)
      t.equal(calls.stat(two).mode & 0o777, 0o600, 'mode by name')
      t.equal(calls.stat(two).size, 18, 'size by name')
      t.equal(
        calls.readText(two),
        'longer than it was',
        `contents, passthrough=${passthrough}`,
      )
      calls.close(fd)
      calls.unlink(two)
      calls.writeFile(one, 'data')
      calls.chmod(one, 0o644)
      calls.link(one, two)
      t.same(await mounted.end(), [])
    }
  },
)

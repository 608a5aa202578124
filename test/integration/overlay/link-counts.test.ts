// Link counts of directories: a merged one says 1, as kernel overlayfs does; without static_nlink it
// says 2 and one more for each directory that shows in it.
import * as calls from '../../helpers/calls.js'
import { isolated } from '../../helpers/isolated.js'
import { mountOverlay, mountPlyfs, type Mounted } from '../../helpers/mounted.js'
import { makeStack, type WritableLayers } from '../../helpers/stack.js'
import { dir, file } from '../../helpers/tree.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

function layers(): Promise<WritableLayers> {
  return makeStack({
    lowers: [
      { merged: dir({ a: dir(), f: file('f') }) },
      { merged: dir({ a: dir(), b: dir() }), one: dir({ x: dir(), y: file('y') }) },
    ],
  })
}

/** The counts of the root, of a merged directory and of one that is not, as it changes. */
function counts({ point }: Mounted): Record<string, number> {
  const nlink = (name: string): number => calls.lstat(`${point}/${name}`).nlink
  const seen: Record<string, number> = {
    root: nlink('.'),
    merged: nlink('merged'),
    one: nlink('one'),
  }
  calls.mkdir(`${point}/merged/made`)
  seen['one more'] = nlink('merged')
  calls.rmdir(`${point}/merged/b`)
  calls.rmdir(`${point}/merged/made`)
  seen['two fewer'] = nlink('merged')
  calls.mkdir(`${point}/new`)
  calls.mkdir(`${point}/new/in`)
  seen['new'] = nlink('new')
  return seen
}

t.test('a merged directory says 1', async t => {
  const expected = { root: 1, merged: 1, one: 3, 'one more': 1, 'two fewer': 1, new: 3 }
  for (const mount of [mountOverlay, mountPlyfs]) {
    const mounted = await mount(await layers())
    t.same(counts(mounted), expected, mounted.kind)
    t.same(await mounted.end(), [])
  }
})

t.test('without static_nlink it counts what shows', async t => {
  const mounted = await mountPlyfs(await layers(), { options: ['static_nlink=off'] })
  t.same(counts(mounted), {
    root: 4,
    merged: 4,
    one: 3,
    'one more': 5,
    'two fewer': 3,
    new: 3,
  })
  t.same(await mounted.end(), [])
})

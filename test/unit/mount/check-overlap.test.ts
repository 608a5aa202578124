// Which layers may not lie in one another; each case was tried on Linux 6.18's overlayfs.
import t from 'tap'
import { refuseOverlap } from '../../../src/mount/check-overlap.js'
import type { LayerPlace, Role } from '../../../src/mount/layer-place.js'

/** `0:1/a/b` is the directory /a/b of the filesystem 0:1. */
function place(role: Role, where: string): LayerPlace {
  const slash = where.indexOf('/')
  const device = where.slice(0, slash)
  const path = where.slice(slash)
  return { role, path, identity: where, mountId: 1, inside: { device, path } }
}

function check(...layers: readonly [Role, string][]): void {
  refuseOverlap(layers.map(([role, where]) => place(role, where)))
}

t.test('what may be', async t => {
  const fine: readonly (readonly [Role, string][])[] = [
    [
      ['upper', '0:1/u'],
      ['work', '0:1/w'],
      ['lower', '0:1/a'],
      ['lower', '0:1/b'],
    ],
    [
      ['upper', '0:1/a/u'],
      ['work', '0:1/a/w'],
      ['lower', '0:1/a'],
    ],
    [
      ['upper', '0:1/u'],
      ['work', '0:1/w'],
      ['lower', '0:1/'],
    ],
    [
      ['lower', '0:1/a'],
      ['lower', '0:1/ab'],
    ],
    [
      ['lower', '0:1/a'],
      ['lower', '0:2/a/b'],
    ],
    [
      ['upper', '0:1/u'],
      ['work', '0:1/uw'],
      ['lower', '0:1/l'],
    ],
  ]
  for (const layers of fine)
    t.doesNotThrow(() => check(...layers), JSON.stringify(layers))
})

t.test('what may not', async t => {
  const wrong: readonly [readonly [Role, string][], RegExp][] = [
    [
      [
        ['lower', '0:1/a'],
        ['lower', '0:1/a'],
      ],
      /given twice/,
    ],
    [
      [
        ['lower', '0:1/a'],
        ['lower', '0:1/a/b'],
      ],
      /\/a\/b lies inside the lower directory \/a/,
    ],
    [
      [
        ['lower', '0:1/a/b'],
        ['lower', '0:1/a'],
      ],
      /lies inside/,
    ],
    [
      [
        ['lower', '0:1/a/b'],
        ['data-only lower', '0:1/'],
      ],
      /lies inside the data-only lower/,
    ],
    [
      [
        ['upper', '0:1/u'],
        ['work', '0:1/w'],
        ['lower', '0:1/u/l'],
      ],
      /inside the upper/,
    ],
    [
      [
        ['upper', '0:1/u'],
        ['work', '0:1/w'],
        ['lower', '0:1/w/l'],
      ],
      /inside the work/,
    ],
    [
      [
        ['upper', '0:1/u'],
        ['work', '0:1/w'],
        ['lower', '0:1/u'],
      ],
      /as upper and as lower/,
    ],
    [
      [
        ['upper', '0:1/u'],
        ['work', '0:1/u'],
        ['lower', '0:1/l'],
      ],
      /as upper and as work/,
    ],
    [
      [
        ['upper', '0:1/u'],
        ['work', '0:1/u/w'],
        ['lower', '0:1/l'],
      ],
      /lie in one another/,
    ],
    [
      [
        ['upper', '0:1/w/u'],
        ['work', '0:1/w'],
        ['lower', '0:1/l'],
      ],
      /lie in one another/,
    ],
  ]
  for (const [layers, message] of wrong) {
    t.throws(() => check(...layers), { message }, JSON.stringify(layers))
  }
})

// Making new files in the writable layer: one by one, from an archive, and by git.
import { atMost } from '../targets.js'
import { TITLES } from './titles.js'
import { EVERY, EVERY_TRANSPORT, mounted } from './workload.js'

export const create = mounted({
  name: 'create',
  ids: ['P7'],
  drivers: { rw: EVERY_TRANSPORT },
  changes: [],
  rows: ({ sizes: { size } }) => {
    const files = String(3000 / size.divisor)
    const client = ['create', 'created', files, '2048']
    return [{ row: 'P7', title: TITLES.create, client, proof: 'lines' }]
  },
  targets: () => [
    atMost('P7', TITLES.create, 'rw', 1.5, 'floor'),
    atMost('P7', TITLES.create, 'rw', 0.7, 'fuse-overlayfs'),
  ],
})

const UNTAR = 'untar small files'

/** Names, data, modes, owners and times. */
export const untar = mounted({
  name: 'untar',
  ids: ['P7'],
  drivers: { rw: EVERY },
  changes: [],
  rows: ({ material: { archive } }) => {
    const client = ['run', '1', 'tar', '--one-top-level=untarred', '-xf', archive]
    return [{ row: 'P7', title: UNTAR, client, proof: 'lines' }]
  },
  targets: () => [atMost('P7', UNTAR, 'rw', 0.5, 'fuse-overlayfs')],
})

const CHECKOUT = 'git checkout of a large tree'

export const checkout = mounted({
  name: 'checkout',
  ids: ['P7'],
  drivers: { rw: EVERY },
  changes: [],
  rows: ({ repository }) => [
    {
      row: 'P7',
      title: 'git clone without a checkout',
      client: [...git, 'clone', '-q', '--shared', '--no-checkout', repository, 'clone'],
      proof: 'lines',
      untimed: true,
    },
    {
      row: 'P7',
      title: CHECKOUT,
      client: [...git, '-C', 'clone', 'checkout', '-q', '-f', 'HEAD'],
      proof: 'lines',
    },
    {
      row: 'P7',
      title: 'git checkout of a large tree, what came of it',
      client: [
        'run',
        '1',
        'find',
        'clone',
        '-path',
        'clone/.git',
        '-prune',
        '-o',
        '-print',
      ],
      proof: 'lines',
      untimed: true,
    },
  ],
  targets: () => [atMost('P7', CHECKOUT, 'rw', 0.5, 'fuse-overlayfs')],
})

const git = ['run', '1', 'git', '-c', 'safe.directory=*']

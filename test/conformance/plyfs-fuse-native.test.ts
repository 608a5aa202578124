// The POSIX suite on plyfs mounted through fuse-native. What the package and libfuse 2 cannot say is in
// exclusions/fuse-native.json, case by case with the reason.
import { fuseNativeLacks } from '../helpers/fuse-native.js'
import { posixSuite } from './suite.js'
import { plyfs } from './targets.js'

const lacks = fuseNativeLacks()
if (lacks === undefined)
  await posixSuite(
    import.meta.url,
    plyfs({
      name: 'plyfs-fuse-native',
      upper: 'ext4',
      lower: 'ext4',
      options: ['transport=fuse-native'],
      exclusions: ['fuse-native'],
    }),
  )
else process.stdout.write(`TAP version 14\n1..0 # SKIP ${lacks}\n`)

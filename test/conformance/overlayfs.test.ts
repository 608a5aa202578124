// The POSIX suite on the kernel's overlayfs: what a union may differ in is excluded there.
import { posixSuite } from './suite.js'
import { overlayfs } from './targets.js'

await posixSuite(import.meta.url, overlayfs({ upper: 'ext4', lower: 'ext4' }))

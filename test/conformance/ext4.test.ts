// The POSIX suite on bare ext4: proves the cases themselves.
import { posixSuite } from './suite.js'
import { plain } from './targets.js'

await posixSuite(import.meta.url, plain('ext4'))

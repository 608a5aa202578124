// The POSIX suite on tmpfs: proves the cases themselves.
import { posixSuite } from './suite.js'
import { plain } from './targets.js'

await posixSuite(import.meta.url, plain('tmpfs'))

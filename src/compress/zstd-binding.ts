// Loads the zstd library's binding when zstd is met, and not before: most layers are gzip, and a
// mount must start fast. Whoever mounts has opened its layers, and so loaded this, by then.
//
// Node's own zstd (22.15 and newer) is not used: a stream of it ends at the end of the first
// frame, and layers may have thousands.
import { createRequire } from 'node:module'
import type * as Binding from 'zstd-napi/binding.js'

let loaded: typeof Binding | undefined

/** zstd's own calls. Throws where the package is not installed for this Node. */
export function zstdBinding(): typeof Binding {
  loaded ??= createRequire(import.meta.url)('zstd-napi/binding.js') as typeof Binding
  return loaded
}

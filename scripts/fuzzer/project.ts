// Where the project lies, from the sources and from the compiled tests alike.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export function projectRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Error('no package.json above the fuzzer')
    directory = parent
  }
  // Beside the compiled tests package.json is a link to the project's own.
  return dirname(realpathSync(join(directory, 'package.json')))
}

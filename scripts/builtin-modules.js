// Node's own modules in what esbuild makes in CommonJS. For each file that imports one, esbuild copies
// the names of the module, all of them, into an object with a `default`. At the start of the command
// that took longer than all else, and nothing but `default` is otherwise than in the module itself.
import { isBuiltin } from 'node:module'

const IMPORT = /\b(\w+) = __toESM\(require\("([^"]+)"\)(?:, 1)?\)/g

/** esbuild's output, with Node's modules as they are wherever nothing asks for a `default`. */
export function withModulesThemselves(text) {
  return text.replace(IMPORT, (whole, variable, name) =>
    isBuiltin(name) && !text.includes(`${variable}.default`)
      ? `${variable} = require(${JSON.stringify(name)})`
      : whole,
  )
}

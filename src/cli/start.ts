// What Node is started with: runs the command, which is one file beside this one. Beside that lies
// what V8 made of it at build time, so that a call does not compile again what it runs. V8 looks
// itself at whether that is of its version and flags; where it is not, or nothing is there, it
// compiles as it always does.
import { readFileSync } from 'node:fs'
import { Script } from 'node:vm'

/**
 * The command's file without its ending. The build sets it; the name has the hash of what is in the
 * file, since V8 compares no more of it than its length.
 */
declare const COMMAND: string

const name = `${__dirname}/${COMMAND}`
const file = `${name}.js`
// esbuild writes ASCII: the string takes a byte for each character.
const script = new Script(readFileSync(file, 'latin1'), {
  filename: file,
  cachedData: compiled(),
})
const command = script.runInThisContext() as (
  require: NodeJS.Require,
  file: string,
) => void
command(require, file)

/** What the verb runs, where it is there alone: the rest would be read for nothing. */
function compiled(): Buffer | undefined {
  const built = `${name}.${process.version}-${process.arch}`
  const verb = process.argv[2] ?? ''
  const alone = /^[a-z]+$/.test(verb)
    ? readIfThere(`${built}.${verb}.compiled`)
    : undefined
  return alone ?? readIfThere(`${built}.compiled`)
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    // It was built with another Node: the command starts later, and does the same.
    return undefined
  }
}

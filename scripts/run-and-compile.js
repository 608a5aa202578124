// node run-and-compile.js COMMAND COMPILED WORD...: runs the command as src/cli/start.ts does, and
// leaves in the file COMPILED what V8 has compiled of it, with what was there.
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { Script } from 'node:vm'

const [, , file, compiled] = process.argv
process.argv.splice(1, 3, file)

const script = new Script(fs.readFileSync(file, 'latin1'), {
  filename: file,
  cachedData: fs.existsSync(compiled) ? fs.readFileSync(compiled) : undefined,
})
// V8 takes only what was made with its own flags. In between, what was compiled before and is not run
// now must stay.
setFlagsFromString('--no-flush-bytecode')
process.on('exit', () => {
  setFlagsFromString('--flush-bytecode')
  fs.writeFileSync(compiled, script.createCachedData())
})
script.runInThisContext()(createRequire(file), file)

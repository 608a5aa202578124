// esbuild in two forms. `bundle`: what ships, dist/bundle, because many small modules cost more time
// at start than a whole mount may take: one file a thread. The command's has beside it what V8 made of
// it (compile-ahead.js), and plyfs.cjs, which runs the one with the other. `tree`: src,
// test and scripts one to one as JavaScript below .build, for tests and tools. Types are not
// looked at here; scripts/check does that. Files are replaced whole, and only when they differ,
// so that a running test never reads half a module.
import { build } from 'esbuild'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { withModulesThemselves } from './builtin-modules.js'
import { compileAhead } from './compile-ahead.js'

const root = new URL('..', import.meta.url).pathname
const trees = ['src', 'test', 'scripts']

const common = {
  absWorkingDir: root,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  write: false,
  logLevel: 'warning',
}

/** What is common to all that ships. */
const shipped = {
  ...common,
  bundle: true,
  // The addon is loaded by path at run time, and dist/bundle is as deep as src/sys.
  external: ['*.node'],
  outdir: 'dist/bundle',
  legalComments: 'inline',
}

/** The entry points of the threads, by the name each bundle gets. */
const threads = {
  serve: 'src/mount/serve-thread.ts',
  record: 'src/mount/record-thread.ts',
  store: 'src/image/store/store-thread.ts',
}

async function bundle() {
  const command = await bundledCommand()
  const name = path.basename(command.find(file => file.path.endsWith('.js')).path, '.js')
  const files = [...command, ...(await bundledStart(name)), ...(await bundledThreads())]
  files.forEach(replace)
  const compiled = compileAhead(path.join(root, 'dist/bundle'), name)
  const kept = new Set([...files.map(file => file.path), ...compiled])
  for (const file of walk('dist/bundle').map(file => path.join(root, file)))
    if (!kept.has(file)) fs.rmSync(file)
}

/**
 * A function that src/cli/start.ts calls. In this format everything is in the one file, and a module
 * that is imported dynamically is begun when it is asked for.
 */
async function bundledCommand() {
  const result = await build({
    ...shipped,
    entryPoints: { command: 'src/cli/main.ts' },
    sourcemap: 'external',
    format: 'cjs',
    charset: 'ascii',
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: {
      js: "(function (require, __filename) {\nconst importMetaUrl = require('node:url').pathToFileURL(__filename).href",
    },
    footer: { js: '})' },
  })
  const [map, { text }] = result.outputFiles
  const contents = withModulesThemselves(text)
  const hash = createHash('sha256').update(contents).digest('hex').slice(0, 16)
  const file = path.join(root, 'dist/bundle', `command-${hash}.js`)
  const link = `//# sourceMappingURL=${path.basename(file)}.map\n`
  return [
    { path: file, contents: Buffer.from(contents + link) },
    { path: `${file}.map`, contents: map.contents },
  ]
}

async function bundledStart(command) {
  const result = await build({
    ...shipped,
    entryPoints: { plyfs: 'src/cli/start.ts' },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    define: { COMMAND: JSON.stringify(command) },
  })
  return result.outputFiles
}

async function bundledThreads() {
  const result = await build({
    ...shipped,
    entryPoints: threads,
    // For packages in CommonJS, which ask for Node's modules by require().
    banner: {
      js: [
        "import { createRequire as requireFrom } from 'node:module'",
        'const require = requireFrom(import.meta.url)',
      ].join('\n'),
    },
  })
  return result.outputFiles
}

async function tree() {
  const files = trees.flatMap(walk)
  const sources = files.filter(file => /\.ts$/.test(file) && !file.endsWith('.d.ts'))
  const result = await build({
    ...common,
    entryPoints: sources,
    outbase: '.',
    outdir: '.build',
  })
  result.outputFiles.forEach(replace)
  const kept = new Set(result.outputFiles.map(file => path.relative(root, file.path)))
  for (const file of files.filter(file => !file.endsWith('.ts'))) {
    const copy = path.join('.build', file)
    replace({
      path: path.join(root, copy),
      contents: fs.readFileSync(path.join(root, file)),
      mode: fs.statSync(path.join(root, file)).mode,
    })
    kept.add(copy)
  }
  prune(kept)
  // Modules below .build find the addon and the bundles by the same relative paths as in src.
  for (const name of ['native-helpers', 'dist', 'package.json']) link(name)
}

/** Every file below a folder of the project, relative to the project. */
function walk(folder) {
  const full = path.join(root, folder)
  if (!fs.existsSync(full)) return []
  return fs
    .readdirSync(full, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry =>
      path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)),
    )
}

function replace({ path: file, contents, mode = 0o644 }) {
  if (fs.existsSync(file) && fs.readFileSync(file).equals(contents)) return
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}`
  fs.writeFileSync(temporary, contents, { mode })
  fs.renameSync(temporary, file)
}

/** What was built from a source that is gone must not be imported any more. */
function prune(kept) {
  for (const folder of trees) {
    for (const file of walk(path.join('.build', folder))) {
      if (!kept.has(file)) fs.rmSync(path.join(root, file))
    }
  }
}

function link(name) {
  const at = path.join(root, '.build', name)
  if (!fs.lstatSync(at, { throwIfNoEntry: false })) fs.symlinkSync(`../${name}`, at)
}

try {
  await { bundle, tree }[process.argv[2]]()
} catch (error) {
  // esbuild has told its own errors, with their places.
  if (!error.errors) throw error
  process.exitCode = 1
}

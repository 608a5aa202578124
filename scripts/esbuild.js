// esbuild in two forms. `bundle`: what ships, dist/bundle/{plyfs,serve,...}.js, because many small
// modules cost more time at start than a whole mount may take: one file a thread, and the command
// in parts, since a mount needs a tenth of it. `tree`: src,
// test and scripts one to one as JavaScript below .build, for tests and tools. Types are not
// looked at here; scripts/check does that. Files are replaced whole, and only when they differ,
// so that a running test never reads half a module.
import { build } from 'esbuild'
import * as fs from 'node:fs'
import * as path from 'node:path'

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

/** The entry points of the threads, by the name each bundle gets. */
const threads = {
  serve: 'src/mount/serve-thread.ts',
  record: 'src/mount/record-thread.ts',
  store: 'src/image/store/store-thread.ts',
}

async function bundle() {
  const command = await bundled({ plyfs: 'src/cli/main.ts' }, true)
  const files = [...command, ...(await bundled(threads, false))]
  files.forEach(replace)
  const kept = new Set(files.map(file => path.relative(root, file.path)))
  for (const file of walk('dist/bundle'))
    if (!kept.has(file)) fs.rmSync(path.join(root, file))
}

/** Parts are what several dynamic imports share; nothing is loaded that is not asked for. */
async function bundled(entryPoints, splitting) {
  const result = await build({
    ...common,
    entryPoints,
    bundle: true,
    splitting,
    chunkNames: 'part-[hash]',
    // The addon is loaded by path at run time, and dist/bundle is as deep as src/sys.
    external: ['*.node'],
    outdir: 'dist/bundle',
    legalComments: 'inline',
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

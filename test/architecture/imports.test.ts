// Who may import whom. Dependencies point one way, so that each part can be read, tested and
// changed with only those below it in mind.
import t from 'tap'
import { type Import, importsOf, projectFiles, read } from './sources.js'

/** Parts that stand on nothing of ours. */
const ground = ['errno', 'bytes', 'log']

/** What each folder of src may import, besides itself and the ground. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  errno: [],
  bytes: [],
  log: [],
  sys: [],
  tar: ['sys'],
  compress: ['sys'],
  fuse: ['sys'],
  'fuse-native': ['fuse', 'sys'],
  layer: ['tar', 'compress', 'sys'],
  overlay: ['layer', 'fuse', 'sys'],
  image: ['layer', 'tar', 'compress', 'sys'],
  mount: ['overlay', 'fuse', 'fuse-native', 'layer', 'image', 'sys'],
  container: ['mount', 'image', 'sys'],
  daemon: ['container', 'mount', 'image', 'sys'],
  cli: ['daemon', 'container', 'mount', 'image', 'overlay', 'layer', 'fuse', 'sys'],
}

/**
 * Folders on the path of a request: they reach the system through sys alone, because Node's own
 * file calls block, decode names as UTF-8, and throw objects.
 */
const throughSysAlone = ['fuse', 'layer', 'overlay', 'tar', 'compress', 'bytes', 'errno']
const systemModules = /^(node:)?(fs|child_process|net|http|https|dgram|cluster)(\/|$)/

/** The net, and programs of others, are for these. */
const outside: readonly (readonly [folder: RegExp, modules: RegExp])[] = [
  [/^src\/(sys|mount|container|daemon|cli|image\/config)\//, /^node:child_process$/],
  [/^src\/(container|daemon|image\/registry|cli)\//, /^node:(net|http|https|tls)$/],
]

const sources = projectFiles().filter(file => /^src\/.*\.ts$/.test(file))
const imports = sources.flatMap(file =>
  importsOf(file).map(found => ({ from: file, ...found })),
)

function folderOf(file: string): string {
  return /^src\/([^/]+)\//.exec(file)?.[1] ?? ''
}

function told(one: Import & { from: string }): string {
  return `${one.from} imports ${one.specifier}`
}

t.test('every folder of src has its place', async t => {
  const known = Object.keys(allowed)
  const folders = new Set(sources.map(folderOf).filter(folder => folder !== ''))
  t.same(
    [...folders].filter(folder => !known.includes(folder)),
    [],
  )
})

t.test('imports point down', async t => {
  const wrong = imports.filter(({ from, file }) => {
    if (file === null) return false
    if (!file.startsWith('src/')) return true
    const [own, other] = [folderOf(from), folderOf(file)]
    // src/index.ts is the public surface: it may name anything.
    if (own === '' || own === other) return false
    return !ground.includes(other) && !(allowed[own] ?? []).includes(other)
  })
  t.same(wrong.map(told), [])
})

t.test('the ground imports nothing of ours', async t => {
  const wrong = imports.filter(({ from, file }) => {
    const own = folderOf(from)
    return ground.includes(own) && file !== null && folderOf(file) !== own
  })
  t.same(wrong.map(told), [])
})

t.test('the addon is reached through sys alone', async t => {
  const wrong = imports.filter(({ from, file, specifier }) => {
    const addon = file === 'src/sys/native.ts' || specifier.endsWith('.node')
    return addon && folderOf(from) !== 'sys'
  })
  t.same(wrong.map(told), [])
})

t.test('the path of a request uses no file calls of Node', async t => {
  const wrong = imports.filter(
    ({ from, specifier }) =>
      throughSysAlone.includes(folderOf(from)) && systemModules.test(specifier),
  )
  t.same(wrong.map(told), [])
})

t.test('the net and other programs are for few', async t => {
  const guarded = /^node:(child_process|net|http|https|tls)$/
  const wrong = imports.filter(
    ({ from, specifier }) =>
      guarded.test(specifier) &&
      !outside.some(([folder, modules]) => folder.test(from) && modules.test(specifier)),
  )
  t.same(wrong.map(told), [])
})

t.test('nothing is loaded late: a mount may cover the files', async t => {
  // The commands load what they need before they mount, and the bundle has it inside.
  const may = (from: string) => folderOf(from) === 'cli' || from === 'src/sys/native.ts'
  t.same(imports.filter(({ from, late }) => late && !may(from)).map(told), [])
})

t.test('imports are written as they run', async t => {
  const wrong = imports.filter(({ specifier, file, late }) => {
    if (late) return false
    if (file !== null) return !specifier.endsWith('.js') || !sources.includes(file)
    return isBuiltinWithoutPrefix(specifier)
  })
  t.same(wrong.map(told), [])
})

function isBuiltinWithoutPrefix(specifier: string): boolean {
  return /^(fs|path|os|util|events|buffer|process|worker_threads|url)(\/|$)/.test(
    specifier,
  )
}

t.test('src imports only packages that ship with it', async t => {
  const manifest = JSON.parse(read('package.json')) as {
    dependencies?: Record<string, string>
  }
  const shipped = Object.keys(manifest.dependencies ?? {})
  const wrong = imports
    .filter(({ file, specifier }) => file === null && !specifier.startsWith('node:'))
    .filter(({ from, late }) => !(late && from === 'src/sys/native.ts'))
    .filter(({ specifier }) => !shipped.includes(packageOf(specifier)))
  t.same(wrong.map(told), [])
})

function packageOf(specifier: string): string {
  const depth = specifier.startsWith('@') ? 2 : 1
  return specifier.split('/').slice(0, depth).join('/')
}

// How the files of the project look: long ones, vague names, missing headers, and traces of the
// machine that they were written on.
import t from 'tap'
import { projectFiles, read } from './sources.js'

/** Lines that a file may have. */
const LIMIT = 400
const TEST_LIMIT = 600

/** Files that are longer, each with the reason. */
const long: Readonly<Record<string, string>> = {
  'src/sys/native.ts': 'one declaration: the surface of the addon',
  'src/fuse/abi/structs.ts': 'a table of the protocol',
  'native-helpers/src/abi.cc': 'a table of the kernel’s structures',
  'test/fixtures/agent.c':
    'one program: a function for each system call that tests ask for',
}

const files = projectFiles()
const code = files.filter(file =>
  /^(src|test|scripts|native-helpers)\/.*\.(ts|js|c|cc|h)$/.test(file),
)

t.test('files are short', async t => {
  const tooLong = code.filter(file => lines(file) > limit(file))
  t.same(
    tooLong.filter(file => !(file in long)).map(file => `${file}: ${lines(file)} lines`),
    [],
  )
})

function lines(file: string): number {
  return read(file).split('\n').length - 1
}

function limit(file: string): number {
  return file.startsWith('test/') ? TEST_LIMIT : LIMIT
}

t.test('the top level has few folders', async t => {
  const top = new Set(files.map(file => file.split('/')[0] ?? ''))
  const known = ['docs', 'native-helpers', 'scripts', 'src', 'test']
  const folders = [...top].filter(name => files.some(file => file.startsWith(`${name}/`)))
  t.same(
    folders.filter(name => !name.startsWith('.') && !known.includes(name)),
    [],
  )
})

t.test('names say what a file is for', async t => {
  const vague =
    /\/((utils?|helpers?|manager|common|misc)|[^/]*-(utils?|manager|common))[/.]/
  const wrong = files.filter(file => file.startsWith('src/') && vague.test(file))
  t.same(wrong, [])
  const shape = /^[a-z0-9][a-z0-9.-]*$/
  const names = code.map(file => file.slice(file.lastIndexOf('/') + 1))
  t.same(
    names.filter(name => !shape.test(name) && !/\.(c|cc|h)$/.test(name)),
    [],
    'file names are in kebab case',
  )
})

t.test('a file begins by saying what it is', async t => {
  const wrong = code.filter(file => !/^(#!.*\n)?(\/\/ ?\S|\/\*)/.test(read(file)))
  t.same(wrong, [])
})

t.test('nothing tells of the machine it was written on', async t => {
  // In pieces, so that this file does not find itself.
  const traces = [
    ['/wo', 'rk/main'],
    ['/wo', 'rk/shared'],
    ['/wo', 'rk/.library'],
    ['../sha', 'red/'],
    ['/sha', 'red/reference'],
    ['DESI', 'GN.md'],
    ['sty', 'le.md'],
    ['ecosys', 'tem.md'],
    ['/tmp/', 'scaffold'],
    ['bri', 'ef.md'],
  ].map(parts => parts.join(''))
  const wrong = files
    .filter(file => !file.endsWith('.png') && file !== 'package-lock.json')
    .flatMap(file => {
      const text = read(file)
      return traces
        .filter(trace => text.includes(trace))
        .map(trace => `${file}: ${trace}`)
    })
  t.same(wrong, [])
})

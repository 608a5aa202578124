// Has V8 compile of the command what calls of it run, and keeps that beside it. Compiling all of it
// would make a call read four times as much. So calls are made that need neither root nor FUSE, each
// with what those before it have left. Some are made once more with nothing, so that a later call of
// their verb reads what that verb runs alone, and any other call what all of them do.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'

const runner = new URL('run-and-compile.js', import.meta.url).pathname

/**
 * @param folder of the command. @param name its file's without the ending.
 * @returns the files that are there of it, also those of other versions of Node.
 */
export function compileAhead(folder, name) {
  const file = path.join(folder, `${name}.${process.version}-${process.arch}.compiled`)
  if (!fs.existsSync(file)) makeCalls(path.join(folder, `${name}.js`), file)
  return fs
    .readdirSync(folder)
    .filter(other => other.startsWith(`${name}.`) && other.endsWith('.compiled'))
    .map(other => path.join(folder, other))
}

function makeCalls(command, compiled) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'plyfs-build-'))
  const work = `${compiled}.${process.pid}`
  const alone = `${work}.alone`
  try {
    for (const name of ['root', 'mnt']) fs.mkdirSync(path.join(scratch, name))
    fs.writeFileSync(path.join(scratch, 'root/file'), 'content\n')
    spawnSync('tar', ['-cf', 'root.tar', '-C', 'root', '.'], { cwd: scratch })
    for (const [name, ...words] of calls) {
      call(scratch, name, [command, work, ...words])
      if (name !== 'plyfs' || !again.has(words[0])) continue
      call(scratch, name, [command, alone, ...words])
      if (fs.existsSync(alone)) fs.renameSync(alone, verbFile(compiled, words[0]))
    }
    if (fs.existsSync(work)) fs.renameSync(work, compiled)
  } finally {
    for (const left of [work, alone]) fs.rmSync(left, { force: true })
    fs.rmSync(scratch, { recursive: true, force: true })
  }
}

const store = ['--root', 'store']
const calls = [
  ['plyfs', 'help'],
  ['plyfs', 'import', ...store, 'root.tar', 'box:1'],
  ['plyfs', 'images', ...store],
  ['plyfs', 'save', ...store, '-o', 'box.tar', 'box:1'],
  ['plyfs', 'rmi', ...store, 'box:1'],
  ['plyfs', 'load', ...store, '-i', 'box.tar'],
  ['plyfs', 'create', ...store, '--name', 'one', 'box:1', '/file'],
  ['plyfs', 'ps', '-a', ...store],
  ['plyfs', 'diff', ...store, 'one'],
  ['plyfs', 'commit', ...store, 'one', 'box:2'],
  // -f: everything but the mount itself.
  ['mount.plyfs', 'root', 'mnt', '-f', '-o', 'lowerdir=root'],
]

/** Verbs whose calls here can be made a second time. */
const again = new Set(['help', 'images', 'save', 'load', 'ps', 'diff', 'commit'])

function verbFile(compiled, verb) {
  return `${compiled.slice(0, -'.compiled'.length)}.${verb}.compiled`
}

/** What of it cannot be run here is compiled when it is. */
function call(cwd, name, words) {
  const { status, signal, error } = spawnSync(process.execPath, [runner, ...words], {
    cwd,
    // Without options for Node: V8 takes only what was made with its own flags.
    env: { PATH: process.env.PATH, HOME: cwd, PLYFS_ARGV0: name },
    stdio: 'ignore',
    timeout: 60_000,
  })
  if (status === 0) return
  const how = error?.message ?? signal ?? `status ${status}`
  process.stderr.write(`build: ${name} ${words[2]} is not compiled ahead: ${how}\n`)
}

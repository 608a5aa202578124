// A real image made with buildah: two layers, the second of which removes, replaces and adds. And a
// docker daemon of the test's own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { scratch } from '../../helpers/isolated.js'
import { must } from '../../helpers/run.js'
import { podmanStorage, tool } from './verbs.js'

export const NAME = 'quay.io/plyfs/real:1'

/** Two layers of real files: the second removes, replaces and adds. Made once. */
export async function buildReal(): Promise<string> {
  const env = podmanStorage(scratch())
  const archive = `${scratch()}/real.oci.tar`
  const buildah = (...args: string[]): Promise<string> => tool('buildah', args, env)
  const base = (await buildah('from', 'scratch')).trim()
  const root = (await buildah('mount', base)).trim()
  fs.mkdirSync(`${root}/usr/share`, { recursive: true })
  const copy =
    'tar -C / -cf - usr/include/linux etc/alternatives etc/ssl | tar -C "$1" -xpf -'
  await must('sh', ['-c', copy, 'sh', root])
  await must('setfattr', ['-n', 'user.note', '-v', 'kept', `${root}/usr/share`])
  fs.linkSync(`${root}/usr/include/linux/stat.h`, `${root}/usr/share/hard`)
  fs.writeFileSync(`${root}/usr/cap`, 'x', { mode: 0o4755 })
  await must('setcap', ['cap_net_raw=ep', `${root}/usr/cap`])
  await buildah('config', '--cmd', '/bin/true', '--label', 'made=here', base)
  await buildah('commit', '-q', base, 'quay.io/plyfs/base:1')
  const next = (await buildah('from', 'quay.io/plyfs/base:1')).trim()
  const top = (await buildah('mount', next)).trim()
  fs.rmSync(`${top}/etc/alternatives`, { recursive: true })
  fs.rmSync(`${top}/usr/include/linux/types.h`)
  fs.appendFileSync(`${top}/usr/include/linux/stat.h`, '#\n')
  fs.mkdirSync(`${top}/etc/alternatives`)
  fs.writeFileSync(`${top}/etc/alternatives/new`, 'new')
  await buildah('commit', '-q', next, NAME)
  await tool(
    'skopeo',
    ['copy', '-q', `containers-storage:${NAME}`, `oci-archive:${archive}:${NAME}`],
    env,
  )
  return archive
}

export async function startDocker(folder: string) {
  const socket = `unix://${folder}/docker.sock`
  const daemon: ChildProcess = spawn(
    'dockerd',
    [
      ...[
        '--iptables=false',
        '--ip6tables=false',
        '--bridge=none',
        '--storage-driver=vfs',
      ],
      ...['--data-root', `${folder}/docker`, '--exec-root', `${folder}/docker-run`],
      ...['--pidfile', `${folder}/docker.pid`, '-H', socket],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    daemon.stderr?.on('data', (part: Buffer) => {
      said.push(part.toString())
      if (said.join('').includes('API listen on')) resolve()
    })
    daemon.once('exit', () => reject(new Error(`dockerd ended: ${said.join('')}`)))
  })
  return {
    docker: (...args: string[]) => tool('docker', ['-H', socket, ...args]),
    stop: async () => {
      const ended = once(daemon, 'exit')
      daemon.kill('SIGTERM')
      await ended
    },
  }
}

// A whole Debian as containers: a command, a web server with the host's network, a file edited with
// vim in a terminal, and what was changed committed, pushed, pulled and run again.
import * as fs from 'node:fs'
import { isolated } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { DockerRegistry, freePort } from '../../helpers/registry/docker-registry.js'
import { must } from '../../helpers/run.js'
import { until } from '../../integration/container/box.js'
import { openShop, tool } from '../../integration/image/verbs.js'

const { t } = await isolated(import.meta.url, { silence: 300_000, total: 590_000 })
t.setTimeout(0)

const cache = process.env['PLYFS_TEST_CACHE'] ?? '/var/cache/plyfs-test'
const archive = `${cache}/debian-httpd.docker.tar`
const skip =
  !fs.existsSync(archive) && `${archive} is missing: scripts/test-images makes it`
const IMAGE = 'quay.io/plyfs/debian-httpd:1'
const PAGE = '/var/www/html/index.html'

t.test('Debian with vim and httpd', { skip }, async t => {
  const shop = openShop(t)
  const { plyfs, folder, root } = shop
  await plyfs('load', '-q', '-i', archive)
  const port = await freePort()
  const fetched = (): Promise<string> =>
    must('curl', ['-sS', '--fail', '--noproxy', '*', `http://127.0.0.1:${port}/`])

  t.equal(
    await plyfs(
      'run',
      '--rm',
      IMAGE,
      'sh',
      '-c',
      'echo "$HOME"; dpkg --verify vim-tiny; id -un',
    ),
    '/root\nroot\n',
    'a shell command',
  )

  await plyfs(
    ...['run', '-d', '--name', 'web', '--network', 'host', IMAGE, 'sh', '-c'],
    `echo first > ${PAGE}
    sed -i 's/^Listen 80/Listen 127.0.0.1:${port}/' /etc/apache2/ports.conf
    exec apache2ctl -D FOREGROUND`,
  )
  const serves = await until(async () => {
    const log = await plyfs('exec', 'web', 'cat', '/var/log/apache2/error.log')
    return log.includes('resuming normal operations')
  })
  t.ok(serves, await plyfs('logs', 'web'))
  t.equal(await fetched(), 'first\n', 'a page of its')
  t.match(await plyfs('exec', 'web', 'cat', '/proc/1/cmdline'), /apache2/)

  const tmux = (...words: string[]): Promise<string> =>
    must('tmux', ['-S', `${folder}/tmux`, '-f', '/dev/null', ...words])
  const edit = `${plyfsProgram()} exec -it --root ${root} web vi ${PAGE}`
  await tmux('new-session', '-d', '-x', '80', '-y', '24', `${edit}; echo END $?; cat`)
  const shows = (text: RegExp): Promise<boolean> =>
    until(async () => text.test(await tmux('capture-pane', '-p')))
  t.ok(await shows(/^first\n~/m), 'vim shows the page')
  await tmux('send-keys', 'A', ', edited', 'Escape', ':wq', 'Enter')
  t.ok(await shows(/^END 0$/m), 'and writes it')
  await tmux('kill-server')
  t.equal(await fetched(), 'first, edited\n')
  t.match(await plyfs('diff', 'web'), new RegExp(`^C ${PAGE}$`, 'm'))

  const registry = await DockerRegistry.start(`${folder}/registry`)
  t.teardown(() => registry.kill())
  const name = `${registry.host}/demo/httpd:2`
  fs.mkdirSync(`${folder}/config/plyfs`, { recursive: true })
  const settings = `insecureRegistries = ["${registry.host}"]\n`
  fs.writeFileSync(`${folder}/config/plyfs/config.toml`, settings)
  const id = (await plyfs('commit', '-m', 'a page', 'web', name)).trim()
  await plyfs('rm', '-f', 'web')
  await plyfs('push', '-q', name)

  const copy = `${folder}/copied.tar`
  await tool('skopeo', [
    ...['copy', '-q', '--src-tls-verify=false'],
    ...[`docker://${name}`, `docker-archive:${copy}:copied:1`],
  ])
  const loaded = await plyfs('load', '-q', '-i', copy)
  t.match(loaded, /copied:1/)
  t.match(JSON.parse(await plyfs('inspect', 'copied:1')), [{ Id: id }], 'the same image')
  await plyfs('rmi', name)
  t.equal(await plyfs('pull', '-q', name), `${name}\n`)
  t.equal(await plyfs('run', '--rm', name, 'cat', PAGE), 'first, edited\n')
})

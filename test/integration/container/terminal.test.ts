// `-it`: a container with a terminal, in a terminal (tmux).
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { loadUsual, ok, storeRoot, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
const socket = `${scratch()}/tmux`
const tmux = (...words: string[]) =>
  must('tmux', ['-S', socket, '-f', '/dev/null', ...words])

t.test('a shell in a terminal of its size, attach and detach', async t => {
  const command = `${plyfsProgram()} run -it --root ${storeRoot()} --name term box:1 sh`
  await tmux(
    'new-session',
    '-d',
    '-x',
    '100',
    '-y',
    '30',
    `${command}; echo END $?; sleep 1000`,
  )
  const screen = () => tmux('capture-pane', '-p')
  const shows = (text: RegExp) => until(async () => text.test(await screen()))
  t.ok(await shows(/#\s*$/m), 'a prompt')
  await tmux('send-keys', 'stty size; tty; echo $TERM', 'Enter')
  t.ok(await shows(/^30 100\n\/dev\/pts\/0\nxterm$/m))
  await tmux('resize-window', '-x', '90', '-y', '25')
  await tmux('send-keys', 'clear; stty size', 'Enter')
  t.ok(await shows(/^25 90$/m), 'it follows')
  await tmux('send-keys', 'C-p', 'C-q')
  t.ok(await shows(/^END 0$/m), 'ctrl-p ctrl-q leaves it')
  t.equal(await ok('ps', '--format', '{{.Names}}'), 'term')

  const again = `${plyfsProgram()} attach --root ${storeRoot()} term`
  await tmux('respawn-pane', '-k', `${again}; echo END $?; sleep 1000`)
  await tmux('send-keys', 'echo $((40+2))', 'Enter')
  t.ok(await shows(/^42$/m), 'the shell is there again')
  await tmux('send-keys', 'sleep 1000', 'Enter')
  t.ok(await shows(/sleep 1000/))
  await tmux('send-keys', 'C-c')
  await tmux('send-keys', 'exit 7', 'Enter')
  t.ok(
    await shows(/^END (7|130)$/m),
    'ctrl-c went to the program, the status is the shell’s',
  )
  await tmux('kill-server')
  await ok('rm', 'term')
})

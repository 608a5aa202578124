// Running programs from the mount: what may run, what a running program forbids.
import * as fs from 'node:fs'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { agentProgram } from '../../helpers/agent.js'
import { file, symlink, type Tree } from '../../helpers/tree.js'
import { alice } from '../../helpers/users.js'
import { check, equal, fails, failsThere, property } from '../property.js'

const program = fs.readFileSync(await agentProgram()).toString('latin1')

const tree: Tree = {
  run: file(program, { mode: 0o755 }),
  'to-run': symlink('run'),
  script: file('#!/bin/sh\nexit 7\n', { mode: 0o755 }),
  plain: file(program, { mode: 0o644 }),
  nonsense: file('\x01\x02\x03', { mode: 0o755 }),
  only: file(program, { mode: 0o711 }),
}

export default property('execute', it => {
  it('programs, scripts and links to them', { tree }, async c => {
    const agent = await c.agent()
    equal(await agent.call('exec', c.at('run'), 'exit', '3'), 3, 'status of the program')
    equal(
      await agent.call('exec', c.at('to-run'), 'exit', '4'),
      4,
      'status through a link',
    )
    equal(await agent.call('exec', c.at('script')), 7, 'status of the script')
  })

  it('what may not run', { tree }, async c => {
    const agent = await c.agent()
    await failsThere('EACCES', agent.call('exec', c.at('plain')))
    await failsThere('ENOEXEC', agent.call('exec', c.at('nonsense')))
    await failsThere('ENOENT', agent.call('exec', c.at('none')))
    await failsThere('EACCES', agent.call('exec', c.dir))
  })

  it('after chmod', { tree }, async c => {
    const agent = await c.agent()
    calls.chmod(c.at('plain'), 0o755)
    equal(await agent.call('exec', c.at('plain'), 'exit', '5'), 5, 'status')
    calls.chmod(c.at('plain'), 0o644)
    await failsThere('EACCES', agent.call('exec', c.at('plain')))
  })

  it('a program that may be run but not read', { tree, needs: ['root'] }, async c => {
    const user = await c.agent(alice)
    await failsThere('EACCES', user.call('open', c.at('only'), C.O_RDONLY))
    equal(await user.call('exec', c.at('only'), 'exit', '6'), 6, 'status')
  })

  it('a program just written', {}, async c => {
    const agent = await c.agent()
    for (let i = 0; i < 5; i++) {
      calls.writeFile(c.at('new'), calls.bytes(program), 0o755)
      equal(await agent.call('exec', c.at('new'), 'exit', String(i)), i, 'status')
      calls.unlink(c.at('new'))
    }
  })

  it('a file open for writing does not run', { tree }, async c => {
    const agent = await c.agent()
    const fd = calls.open(c.at('run'), C.O_RDWR)
    await failsThere('ETXTBSY', agent.call('exec', c.at('run'), 'exit', '0'))
    calls.close(fd)
    equal(
      await agent.call('exec', c.at('run'), 'exit', '8'),
      8,
      'status when it was closed',
    )
  })

  it(
    'a running program is not opened for writing',
    { tree, origins: ['new', 'copied'] },
    async c => {
      const agent = await c.agent()
      const pid = await agent.call('start', c.at('run'), 'sleep', '30')
      fails('ETXTBSY', () => calls.open(c.at('run'), C.O_WRONLY))
      fails('ETXTBSY', () => calls.open(c.at('run'), C.O_RDWR | C.O_TRUNC))
      await failsThere('ETXTBSY', agent.call('truncate', c.at('run'), 0))
      await agent.call('reap', pid)
      calls.close(calls.open(c.at('run'), C.O_WRONLY))
      check(calls.stat(c.at('run')).size === program.length, 'size')
    },
  )

  it('a running program can be replaced, renamed and removed', { tree }, async c => {
    const agent = await c.agent()
    const pid = await agent.call('start', c.at('run'), 'sleep', '30')
    calls.rename(c.at('run'), c.at('old'))
    calls.writeFile(c.at('run'), calls.bytes(program), 0o755)
    equal(await agent.call('exec', c.at('run'), 'exit', '9'), 9, 'status of the new one')
    calls.unlink(c.at('old'))
    calls.chmod(c.at('run'), 0o711)
    await agent.call('reap', pid)
  })

  it('attributes of a running program change', { tree }, async c => {
    const agent = await c.agent()
    const pid = await agent.call('start', c.at('run'), 'sleep', '30')
    calls.chmod(c.at('run'), 0o711)
    calls.utimens(c.at('run'), 1n, 2n)
    equal(await agent.call('exec', c.at('run'), 'exit', '2'), 2, 'status')
    await agent.call('reap', pid)
    check(calls.readFile(c.at('run')).equals(calls.bytes(program)), 'contents')
  })
})

// Current directories, relative paths and chroot on the mount.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, symlink, type Tree } from '../../helpers/tree.js'
import { equal, failsThere, property } from '../property.js'

const tree: Tree = {
  d: dir({ e: dir({ f: file('deep') }), up: symlink('../f') }),
  f: file('top'),
  root: dir({ etc: dir({ name: file('inside') }), link: symlink('/etc/name') }),
}

export default property('working-directory', it => {
  it('getcwd and relative paths', { tree }, async c => {
    const agent = await c.agent()
    await agent.call('chdir', c.at('d'))
    equal((await agent.ask('getcwd')).rest[0], c.at('d'), 'getcwd')
    await agent.call('chdir', 'e')
    equal((await agent.ask('getcwd')).rest[0], c.at('d', 'e'), 'getcwd one level down')
    const fd = await agent.call('open', '../up', C.O_RDONLY)
    equal((await agent.ask('read', fd, 10)).rest[0], 'top', 'contents through ..')
    await agent.call('chdir', '../..')
    equal((await agent.ask('getcwd')).rest[0], c.dir, 'getcwd at the top')
  })

  it('fchdir', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('d', 'e'), C.O_RDONLY | C.O_DIRECTORY)
    await agent.call('fchdir', fd)
    equal((await agent.ask('getcwd')).rest[0], c.at('d', 'e'), 'getcwd')
    await failsThere('ENOTDIR', agent.call('chdir', 'f'))
    await failsThere('ENOENT', agent.call('chdir', 'none'))
  })

  it('chroot', { tree, needs: ['root'] }, async c => {
    const agent = await c.agent()
    await agent.call('chroot', c.at('root'))
    await agent.call('chdir', '/')
    const fd = await agent.call('open', '/link', C.O_RDONLY)
    equal((await agent.ask('read', fd, 10)).rest[0], 'inside', 'through an absolute link')
    const up = await agent.call('open', '/../../etc/name', C.O_RDWR)
    await agent.call('write', up, 'changed')
    equal(calls.readText(c.at('root', 'etc', 'name')), 'changed', 'contents from outside')
  })
})

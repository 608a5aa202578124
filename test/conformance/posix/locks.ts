// Locks: flock(2), fcntl(2) record locks and open file description locks, between processes.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, hardlink, type Tree } from '../../helpers/tree.js'
import { equal, fails, failsThere, property } from '../property.js'

const [F_GETLK, F_SETLK, F_SETLKW] = [5, 6, 7]
const [F_OFD_GETLK, F_OFD_SETLK] = [36, 37]
const [F_RDLCK, F_WRLCK, F_UNLCK] = [0, 1, 2]

const tree: Tree = { f: file('x'.repeat(100)), g: hardlink('f'), d: dir() }

export default property('locks', it => {
  it('flock excludes', { tree }, async c => {
    const agent = await c.agent()
    const ours = calls.open(c.at('f'), C.O_RDWR)
    const theirs = await agent.call('open', c.at('f'), C.O_RDWR)
    calls.flock(ours, C.LOCK_EX)
    await failsThere('EAGAIN', agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB))
    await failsThere('EAGAIN', agent.call('flock', theirs, C.LOCK_SH | C.LOCK_NB))
    calls.flock(ours, C.LOCK_SH)
    await agent.call('flock', theirs, C.LOCK_SH | C.LOCK_NB)
    fails('EAGAIN', () => calls.flock(ours, C.LOCK_EX | C.LOCK_NB))
    calls.flock(ours, C.LOCK_UN)
    await agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB)
    calls.close(ours)
  })

  it('flock by another name of the file', { tree }, async c => {
    const agent = await c.agent()
    const ours = calls.open(c.at('f'), C.O_RDONLY)
    const theirs = await agent.call('open', c.at('g'), C.O_RDONLY)
    calls.flock(ours, C.LOCK_EX)
    await failsThere('EAGAIN', agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB))
    calls.close(ours)
    await agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB)
  })

  it('flock holds through changes of the file', { tree }, async c => {
    const agent = await c.agent()
    const ours = calls.open(c.at('f'), C.O_RDONLY)
    calls.flock(ours, C.LOCK_EX)
    calls.writeFile(c.at('f'), 'changed')
    calls.chmod(c.at('f'), 0o600)
    calls.rename(c.at('f'), c.at('h'))
    const theirs = await agent.call('open', c.at('h'), C.O_RDWR)
    await failsThere('EAGAIN', agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB))
    calls.close(ours)
    await agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB)
  })

  it('flock on a directory', { tree }, async c => {
    const agent = await c.agent()
    const ours = calls.open(c.at('d'), C.O_RDONLY)
    const theirs = await agent.call('open', c.at('d'), C.O_RDONLY)
    calls.flock(ours, C.LOCK_EX)
    await failsThere('EAGAIN', agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB))
    calls.close(ours)
    await agent.call('flock', theirs, C.LOCK_EX | C.LOCK_NB)
  })

  it('flock waits', { tree }, async c => {
    const agent = await c.agent()
    const ours = calls.open(c.at('f'), C.O_RDWR)
    const theirs = await agent.call('open', c.at('f'), C.O_RDWR)
    calls.flock(ours, C.LOCK_EX)
    const waiting = agent.call('flock', theirs, C.LOCK_EX)
    const other = await c.agent()
    await other.call('getpid')
    equal(agent.busy, true, 'it waits')
    calls.flock(ours, C.LOCK_UN)
    await waiting
    calls.close(ours)
  })

  it('a lock goes when its process dies', { tree }, async c => {
    const agent = await c.agent()
    const theirs = await agent.call('open', c.at('f'), C.O_RDWR)
    await agent.call('flock', theirs, C.LOCK_EX)
    await agent.call('lock', theirs, F_SETLK, F_WRLCK, 0, 0)
    agent.kill()
    const other = await c.agent()
    const fd = await other.call('open', c.at('f'), C.O_RDWR)
    await other.call('flock', fd, C.LOCK_EX)
    await other.call('lock', fd, F_SETLKW, F_WRLCK, 0, 0)
  })

  it('record locks by ranges', { tree }, async c => {
    const [one, two] = [await c.agent(), await c.agent()]
    const a = await one.call('open', c.at('f'), C.O_RDWR)
    const b = await two.call('open', c.at('f'), C.O_RDWR)
    await one.call('lock', a, F_SETLK, F_WRLCK, 10, 10)
    await failsThere(['EAGAIN', 'EACCES'], two.call('lock', b, F_SETLK, F_WRLCK, 15, 1))
    await failsThere(['EAGAIN', 'EACCES'], two.call('lock', b, F_SETLK, F_RDLCK, 0, 0))
    await two.call('lock', b, F_SETLK, F_WRLCK, 20, 10)
    await two.call('lock', b, F_SETLK, F_WRLCK, 0, 10)
    const held = await two.ask('lock', b, F_GETLK, F_WRLCK, 5, 10)
    equal(held.rest, [String(F_WRLCK), '10', '10', String(one.pid)], 'what F_GETLK says')
    await one.call('lock', a, F_SETLK, F_UNLCK, 10, 10)
    await two.call('lock', b, F_SETLK, F_WRLCK, 0, 0)
    equal(
      (await two.ask('lock', b, F_GETLK, F_WRLCK, 0, 0)).rest[0],
      String(F_UNLCK),
      'own lock',
    )
  })

  it('read locks are shared', { tree }, async c => {
    const [one, two] = [await c.agent(), await c.agent()]
    const a = await one.call('open', c.at('f'), C.O_RDWR)
    const b = await two.call('open', c.at('g'), C.O_RDWR)
    await one.call('lock', a, F_SETLK, F_RDLCK, 0, 0)
    await two.call('lock', b, F_SETLK, F_RDLCK, 0, 0)
    await failsThere(['EAGAIN', 'EACCES'], one.call('lock', a, F_SETLK, F_WRLCK, 0, 0))
  })

  it('record locks wait and notice deadlocks', { tree }, async c => {
    const [one, two] = [await c.agent(), await c.agent()]
    const a = await one.call('open', c.at('f'), C.O_RDWR)
    const b = await two.call('open', c.at('f'), C.O_RDWR)
    await one.call('lock', a, F_SETLK, F_WRLCK, 0, 1)
    await two.call('lock', b, F_SETLK, F_WRLCK, 1, 1)
    // Whichever of the two asks last closes the circle, and is refused.
    const first = one.attempt(10_000, 'lock', a, F_SETLKW, F_WRLCK, 1, 1)
    const second = two.attempt(10_000, 'lock', b, F_SETLKW, F_WRLCK, 0, 1)
    const refused = await Promise.race([first, second])
    equal(refused.value, -35, 'one of them gets EDEADLK')
    if (one.busy) await two.call('lock', b, F_SETLK, F_UNLCK, 0, 0)
    else await one.call('lock', a, F_SETLK, F_UNLCK, 0, 0)
    equal((await first).value + (await second).value, -35, 'the other gets its lock')
  })

  it('closing any descriptor drops record locks', { tree }, async c => {
    const [one, two] = [await c.agent(), await c.agent()]
    const a = await one.call('open', c.at('f'), C.O_RDWR)
    await one.call('lock', a, F_SETLK, F_WRLCK, 0, 0)
    const again = await one.call('open', c.at('f'), C.O_RDONLY)
    await one.call('close', again)
    const b = await two.call('open', c.at('f'), C.O_RDWR)
    await two.call('lock', b, F_SETLK, F_WRLCK, 0, 0)
  })

  it('open file description locks', { tree }, async c => {
    const agent = await c.agent()
    const a = await agent.call('open', c.at('f'), C.O_RDWR)
    const b = await agent.call('open', c.at('f'), C.O_RDWR)
    await agent.call('lock', a, F_OFD_SETLK, F_WRLCK, 0, 50)
    await failsThere(
      ['EAGAIN', 'EACCES'],
      agent.call('lock', b, F_OFD_SETLK, F_WRLCK, 10, 1),
    )
    await agent.call('lock', b, F_OFD_SETLK, F_WRLCK, 50, 50)
    const held = await agent.ask('lock', b, F_OFD_GETLK, F_WRLCK, 0, 10)
    equal(held.rest, [String(F_WRLCK), '0', '50', '-1'], 'what F_OFD_GETLK says')
    await agent.call('close', a)
    await agent.call('lock', b, F_OFD_SETLK, F_WRLCK, 0, 0)
  })

  it('a lock needs the right kind of descriptor', { tree }, async c => {
    const agent = await c.agent()
    const read = await agent.call('open', c.at('f'), C.O_RDONLY)
    await failsThere('EBADF', agent.call('lock', read, F_SETLK, F_WRLCK, 0, 0))
    await agent.call('lock', read, F_SETLK, F_RDLCK, 0, 0)
    const write = await agent.call('open', c.at('f'), C.O_WRONLY)
    await failsThere('EBADF', agent.call('lock', write, F_SETLK, F_RDLCK, 0, 0))
  })
})

// inotify(7) tells what happens through the mount.
import { bytes } from '../../helpers/calls.js'
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import type { Agent } from '../../helpers/agent.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { equal, property } from '../property.js'

const IN = {
  ACCESS: 0x1,
  MODIFY: 0x2,
  ATTRIB: 0x4,
  CLOSE_WRITE: 0x8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
} as const
/** The watch itself has ended. */
const IGNORED = 0x8000
const ISDIR = 0x40000000

const tree: Tree = { d: dir({ a: file('a'), e: dir() }), o: dir() }

/** The events there are, as "CREATE name", directories with a slash. */
async function events(agent: Agent, fd: number): Promise<string[]> {
  const seen: string[] = []
  for (;;) {
    const answer = await agent.attempt(5000, 'ievents', fd, 0)
    if (answer.value <= 0) return seen
    for (const word of answer.rest) {
      const [mask = '', , name = ''] = word.split(':')
      const bits = parseInt(mask, 16)
      if ((bits & IGNORED) !== 0) continue
      const what = Object.entries(IN)
        .filter(([, bit]) => (bits & bit) !== 0)
        .map(([key]) => key)
      seen.push(`${what.join('|')} ${name}${(bits & ISDIR) === 0 ? '' : '/'}`)
    }
  }
}

export default property('notify', it => {
  it('names that come and go', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('inotify')
    const mask = IN.CREATE | IN.DELETE | IN.MOVED_FROM | IN.MOVED_TO
    await agent.call('iwatch', fd, c.at('d'), mask)
    calls.writeFile(c.at('d', 'n'), '')
    calls.mkdir(c.at('d', 'm'))
    calls.unlink(c.at('d', 'a'))
    calls.rmdir(c.at('d', 'e'))
    calls.rename(c.at('d', 'n'), c.at('d', 'r'))
    calls.rename(c.at('d', 'r'), c.at('o', 'r'))
    calls.link(c.at('o', 'r'), c.at('d', 'k'))
    equal(
      await events(agent, fd),
      ['CREATE n', 'CREATE m/', 'DELETE a', 'DELETE e/', 'MOVED_FROM n', 'MOVED_TO r',
        'MOVED_FROM r', 'CREATE k'], // prettier-ignore
      'events',
    )
  })

  it('what happens to a file', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('inotify')
    const mask =
      IN.MODIFY | IN.ATTRIB | IN.CLOSE_WRITE | IN.OPEN | IN.MOVE_SELF | IN.DELETE_SELF
    await agent.call('iwatch', fd, c.at('d', 'a'), mask)
    const open = calls.open(c.at('d', 'a'), C.O_WRONLY)
    calls.write(open, 'x')
    calls.close(open)
    calls.chmod(c.at('d', 'a'), 0o600)
    calls.rename(c.at('d', 'a'), c.at('d', 'z'))
    calls.unlink(c.at('d', 'z'))
    const seen = (await events(agent, fd)).map(event => event.trim())
    equal(
      seen,
      ['OPEN', 'MODIFY', 'CLOSE_WRITE', 'ATTRIB', 'MOVE_SELF', 'ATTRIB', 'DELETE_SELF'],
      'events',
    )
  })

  it('writing to a file of a watched directory', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('inotify')
    await agent.call('iwatch', fd, c.at('d'), IN.MODIFY | IN.CLOSE_WRITE)
    calls.withOpen(c.at('d', 'a'), C.O_WRONLY | C.O_APPEND, open =>
      calls.write(open, bytes('more')),
    )
    equal(await events(agent, fd), ['MODIFY a', 'CLOSE_WRITE a'], 'events')
  })
})

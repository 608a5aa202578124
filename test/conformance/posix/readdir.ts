// Listing directories: complete, each name once, with the right types and inode numbers, from any
// position, and while names come and go.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { field, type Agent } from '../../helpers/agent.js'
import {
  block,
  character,
  dir,
  fifo,
  file,
  socket,
  symlink,
  type Tree,
} from '../../helpers/tree.js'
import { check, equal, property } from '../property.js'

const kinds: Tree = {
  f: file('x'),
  d: dir({ inner: file('i') }),
  l: symlink('f'),
  p: fifo(),
  s: socket(),
}

const many: Tree = {
  d: dir(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n${i}`, file('')]))),
}

const TYPES: ReadonlyMap<number, number> = new Map([
  [C.S_IFREG, C.DT_REG],
  [C.S_IFDIR, C.DT_DIR],
  [C.S_IFLNK, C.DT_LNK],
  [C.S_IFIFO, C.DT_FIFO],
  [C.S_IFSOCK, C.DT_SOCK],
  [C.S_IFCHR, C.DT_CHR],
  [C.S_IFBLK, C.DT_BLK],
])

interface Listed {
  readonly name: string
  /** The position after it, in decimal: it may need all of its 63 bits. */
  readonly after: string
}

async function next(agent: Agent, stream: number): Promise<Listed | undefined> {
  const answer = await agent.ask('readdir', stream)
  if (answer.value === 0) return undefined
  return { name: field(answer, 'name'), after: field(answer, 'off') }
}

/** From the stream's position to the end. */
async function entries(agent: Agent, stream: number): Promise<Listed[]> {
  const all: Listed[] = []
  for (;;) {
    const entry = await next(agent, stream)
    if (entry === undefined) return all
    all.push(entry)
  }
}

export default property('readdir', it => {
  it('has . and .. once', { tree: kinds }, c => {
    for (const name of ['.', 'd']) {
      const listed = calls.listAll(c.at(name)).map(entry => entry.name)
      equal(listed.filter(n => n === '.').length, 1, 'count of .')
      equal(listed.filter(n => n === '..').length, 1, 'count of ..')
    }
  })

  it('has types and inode numbers as stat says', { tree: kinds }, c => {
    for (const entry of calls.listAll(c.dir)) {
      if (entry.name === '..') continue
      const stat = calls.lstat(c.at(entry.name))
      equal(entry.ino, stat.ino, `d_ino of ${entry.name}`)
      equal(entry.type, TYPES.get(stat.mode & C.S_IFMT), `d_type of ${entry.name}`)
    }
    const up = calls.listAll(c.at('d')).find(entry => entry.name === '..')
    equal(up?.ino, calls.stat(c.dir).ino, 'd_ino of ..')
  })

  it('has types and inode numbers before anything was looked up', { tree: kinds }, c => {
    const listed = new Map(calls.listAll(c.dir).map(entry => [entry.name, entry]))
    for (const name of Object.keys(kinds)) {
      const stat = calls.lstat(c.at(name))
      equal(listed.get(name)?.ino, stat.ino, `d_ino of ${name}`)
      equal(listed.get(name)?.type, TYPES.get(stat.mode & C.S_IFMT), `d_type of ${name}`)
    }
  })

  it(
    'devices',
    { tree: { c: character(1, 3), b: block(7, 0) }, needs: ['privileged'] },
    c => {
      const types = calls
        .listAll(c.dir)
        .filter(e => e.name.length === 1 && e.name !== '.')
      equal(
        types.map(e => [e.name, e.type]).sort(),
        [['b', C.DT_BLK], ['c', C.DT_CHR]], // prettier-ignore
        'types',
      )
    },
  )

  it('keeps inode numbers when files change', { tree: kinds }, c => {
    const before = new Map(calls.listAll(c.dir).map(entry => [entry.name, entry.ino]))
    calls.writeFile(c.at('f'), 'changed')
    calls.chmod(c.at('d'), 0o700)
    calls.chmod(c.at('p'), 0o600)
    for (const entry of calls.listAll(c.dir)) {
      equal(entry.ino, before.get(entry.name), `d_ino of ${entry.name}`)
    }
  })

  it('shows what was made, removed and renamed', { tree: kinds }, c => {
    calls.names(c.dir)
    calls.writeFile(c.at('new'), '')
    equal(calls.names(c.dir), ['d', 'f', 'l', 'new', 'p', 's'], 'after making one')
    calls.unlink(c.at('p'))
    equal(calls.names(c.dir), ['d', 'f', 'l', 'new', 's'], 'after removing one')
    calls.rename(c.at('s'), c.at('t'))
    equal(calls.names(c.dir), ['d', 'f', 'l', 'new', 't'], 'after renaming one')
    calls.rename(c.at('t'), c.at('d', 't'))
    equal(calls.names(c.dir), ['d', 'f', 'l', 'new'], 'after moving one out')
    equal(calls.names(c.at('d')), ['inner', 't'], 'where it went')
    calls.mkdir(c.at('p'))
    equal(
      calls.listAll(c.dir).find(e => e.name === 'p')?.type,
      C.DT_DIR,
      'type of a name made anew',
    )
  })

  it('an open directory shows changes after rewinding', { tree: kinds }, c => {
    const fd = calls.open(c.dir, C.O_RDONLY | C.O_DIRECTORY)
    equal(calls.namesOf(calls.restOf(fd)).length, 5, 'first time')
    equal(calls.restOf(fd).length, 0, 'at the end')
    calls.writeFile(c.at('new'), '')
    calls.unlink(c.at('f'))
    calls.lseek(fd, 0, C.SEEK_SET)
    equal(calls.namesOf(calls.restOf(fd)), ['d', 'l', 'new', 'p', 's'], 'second time')
    calls.close(fd)
  })

  it('reads with the smallest buffers', { tree: many }, c => {
    const small = calls.listAll(c.at('d'), 300)
    equal(calls.namesOf(small).length, 300, 'count')
    equal(new Set(small.map(e => e.name)).size, 302, 'count of different names')
    equal(calls.namesOf(small), calls.names(c.at('d')), 'the same as with a large one')
  })

  it('goes on from every position', { tree: many }, async c => {
    const agent = await c.agent()
    const stream = await agent.call('opendir', c.at('d'))
    const all = await entries(agent, stream)
    equal(new Set(all.map(entry => entry.name)).size, 302, 'count of different names')
    for (let i = 0; i < all.length - 1; i += 11) {
      await agent.call('seekdir', stream, all[i]?.after ?? '')
      equal(
        (await next(agent, stream))?.name,
        all[i + 1]?.name,
        `the name after entry ${i}`,
      )
    }
    await agent.call('rewinddir', stream)
    equal((await next(agent, stream))?.name, all[0]?.name, 'the first again')
  })

  it('goes on from a position in another descriptor', { tree: many }, async c => {
    const agent = await c.agent()
    const all = await entries(agent, await agent.call('opendir', c.at('d')))
    const other = await agent.call('opendir', c.at('d'))
    await agent.call('seekdir', other, all[150]?.after ?? '')
    const rest = await entries(agent, other)
    equal(
      rest.map(entry => entry.name),
      all.slice(151).map(entry => entry.name),
      'the rest',
    )
  })

  it('goes on from a position after changes', { tree: many }, async c => {
    const agent = await c.agent()
    const stream = await agent.call('opendir', c.at('d'))
    const all = await entries(agent, stream)
    const gone = all.slice(100, 140).map(entry => entry.name)
    for (const name of gone.filter(n => n.startsWith('n'))) calls.unlink(c.at('d', name))
    for (let i = 0; i < 30; i++) calls.writeFile(c.at('d', `later${i}`), '')
    await agent.call('seekdir', stream, all[120]?.after ?? '')
    const rest = (await entries(agent, stream)).map(entry => entry.name)
    const expected = all.slice(140).map(entry => entry.name)
    const old = (list: string[]): string[] => list.filter(name => name.startsWith('n'))
    const lost = old(expected).filter(name => !rest.includes(name))
    // POSIX lets a listing go on to show what was removed since rewinddir.
    const again = old(rest).filter(
      name => !expected.includes(name) && !gone.includes(name),
    )
    equal([lost, again], [[], []], 'names lost and names listed again')
    equal(new Set(rest).size, rest.length, 'count of different names')
  })

  it('telldir says what seekdir takes', { tree: many }, async c => {
    const agent = await c.agent()
    const stream = await agent.call('opendir', c.at('d'))
    for (let i = 0; i < 100; i++) await next(agent, stream)
    const position = field(await agent.ask('telldir', stream), 'at')
    const expected = await next(agent, stream)
    await entries(agent, stream)
    await agent.call('seekdir', stream, position)
    equal(await next(agent, stream), expected, 'the entry at the position')
  })

  it('loses and repeats nothing while names are removed', { tree: many }, c => {
    const fd = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const seen: string[] = []
    const removed = new Set<string>()
    for (;;) {
      const part = calls.getdents(fd, 600)
      if (part.length === 0) break
      for (const { name } of part) {
        if (name === '.' || name === '..') continue
        check(!seen.includes(name), `${name} is listed once`)
        seen.push(name)
        // What was listed is removed, as rm -r does it.
        calls.unlink(c.at('d', name))
        removed.add(name)
      }
    }
    calls.close(fd)
    equal(removed.size, 300, 'count of removed names')
    equal(calls.names(c.at('d')), [], 'names left')
  })

  it('loses and repeats nothing while names are made', { tree: many }, c => {
    const fd = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const seen: string[] = []
    let made = 0
    for (;;) {
      const part = calls.getdents(fd, 600)
      if (part.length === 0) break
      seen.push(...part.map(e => e.name))
      if (made < 200) calls.writeFile(c.at('d', `made${made++}`), '')
    }
    calls.close(fd)
    equal(new Set(seen).size, seen.length, 'each name once')
    const old = seen.filter(name => name.startsWith('n'))
    equal(old.length, 300, 'count of the names that were there throughout')
  })

  it('loses and repeats nothing while others are renamed', { tree: many }, c => {
    for (let i = 0; i < 50; i++) calls.writeFile(c.at('d', `moving${i}`), '')
    const fd = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const seen: string[] = []
    for (let round = 0; ; round++) {
      const part = calls.getdents(fd, 600)
      if (part.length === 0) break
      seen.push(...part.map(e => e.name))
      if (round < 50) calls.rename(c.at('d', `moving${round}`), c.at(`out${round}`))
    }
    calls.close(fd)
    const old = seen.filter(name => name.startsWith('n'))
    equal(old.length, 300, 'count of the names that were there throughout')
    equal(new Set(old).size, 300, 'each once')
  })

  it('the second half after half was removed', { tree: many }, c => {
    const fd = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const first = calls.getdents(fd, 2000).map(e => e.name)
    for (const name of first) if (name.startsWith('n')) calls.unlink(c.at('d', name))
    const rest = calls.restOf(fd).map(e => e.name)
    calls.close(fd)
    equal([...first, ...rest].filter(n => n.startsWith('n')).length, 300, 'count of all')
  })

  it('10,000 names', { limit: 60_000, origins: ['new', 'merged'] }, async c => {
    const agent = await c.agent()
    equal(
      (await agent.attempt(50_000, 'files', c.dir, 'name', 10_000)).value,
      10_000,
      'made',
    )
    const listed = calls.listAll(c.dir)
    equal(listed.length, 10_002, 'count')
    equal(new Set(listed.map(e => e.name)).size, 10_002, 'count of different names')
    equal(
      (await agent.attempt(50_000, 'unlinks', c.dir, 'name', 5000)).value,
      5000,
      'removed',
    )
    equal(calls.names(c.dir).length, 5000, 'count of those left')
  })

  it('an empty directory', { tree: { d: dir() } }, c => {
    equal(
      calls
        .listAll(c.at('d'))
        .map(e => e.name)
        .sort(),
      ['.', '..'],
      'names',
    )
  })

  it('two listings at once', { tree: many }, c => {
    const one = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const two = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const seen: [string[], string[]] = [[], []]
    for (let more = true; more;) {
      const [a, b] = [calls.getdents(one, 500), calls.getdents(two, 900)]
      seen[0].push(...a.map(e => e.name))
      seen[1].push(...b.map(e => e.name))
      more = a.length + b.length > 0
    }
    calls.close(one)
    calls.close(two)
    equal([seen[0].length, seen[1].length], [302, 302], 'counts')
    equal(seen[0].sort(), seen[1].sort(), 'names')
  })
})

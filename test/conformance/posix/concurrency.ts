// Many processes at once: nothing is lost, nothing is half done, no error that could not be.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import type { Agent } from '../../helpers/agent.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { check, equal, property, type Context } from '../property.js'

const LIMIT = 40_000
const tree: Tree = {
  d: dir(
    Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`old${i}`, file(`old ${i}`)]),
    ),
  ),
  log: file(''),
  config: file('A'.repeat(3000)),
}

async function agents(c: Context, count: number): Promise<Agent[]> {
  return Promise.all(Array.from({ length: count }, () => c.agent()))
}

async function result(
  agent: Agent,
  command: string,
  ...args: (string | number)[]
): Promise<number> {
  return (await agent.attempt(LIMIT - 5000, command, ...args)).value
}

export default property('concurrency', it => {
  it('eight processes make files in one directory', { tree, limit: LIMIT }, async c => {
    const all = await agents(c, 8)
    const made = await Promise.all(
      all.map((a, i) => result(a, 'files', c.at('d'), `p${i}-`, 100)),
    )
    equal(
      made,
      Array.from({ length: 8 }, () => 100),
      'files made',
    )
    const names = calls.names(c.at('d'))
    equal(names.length, 900, 'count of names')
    equal(new Set(names).size, 900, 'count of different names')
  })

  it('O_EXCL gives each name to one process', { tree, limit: LIMIT }, async c => {
    const all = await agents(c, 6)
    const won = await Promise.all(all.map(a => result(a, 'claim', c.at('d'), 'one', 300)))
    equal(
      won.reduce((sum, n) => sum + n, 0),
      300,
      'names won',
    )
    check(
      won.every(n => n >= 0),
      `no errors (${won.join(' ')})`,
    )
    equal(calls.names(c.at('d')).length, 400, 'count of names')
  })

  it('appends of several processes are all there', { tree, limit: LIMIT }, async c => {
    const all = await agents(c, 5)
    const done = await Promise.all(
      all.map((a, i) => result(a, 'append', c.at('log'), 200, `line of ${i}\n`)),
    )
    equal(done, [200, 200, 200, 200, 200], 'lines written')
    const lines = calls
      .readText(c.at('log'))
      .split('\n')
      .filter(line => line !== '')
    equal(lines.length, 1000, 'count of lines')
    for (let i = 0; i < 5; i++) {
      equal(
        lines.filter(line => line === `line of ${i}`).length,
        200,
        `whole lines of ${i}`,
      )
    }
  })

  it('a file replaced by rename is always whole', { tree, limit: LIMIT }, async c => {
    const [one, two, reader] = await agents(c, 3)
    if (one === undefined || two === undefined || reader === undefined) return
    const [a, b] = ['A'.repeat(3000), 'B'.repeat(3000)]
    const writers = [one, two].map(agent =>
      result(agent, 'replace', c.at('config'), 200, a, b),
    )
    let reads = 0
    while ([one, two].some(agent => agent.busy)) {
      const fd = await reader.call('open', c.at('config'), C.O_RDONLY)
      const text = (await reader.ask('read', fd, 4000)).rest[0] ?? ''
      await reader.call('close', fd)
      check(text === a || text === b, `read ${reads}: whole (${text.length} bytes)`)
      reads += 1
    }
    equal(await Promise.all(writers), [200, 200], 'replacements')
    equal(calls.names(c.dir), ['config', 'd', 'log'], 'names left')
  })

  it(
    'a name that is renamed to and fro is always at one place',
    { tree, limit: LIMIT },
    async c => {
      const [mover, looker] = await agents(c, 2)
      if (mover === undefined || looker === undefined) return
      const moving = result(mover, 'swap', c.at('d', 'old0'), c.at('d', 'moved'), 300)
      while (mover.busy) {
        const there = await looker.attempt(5000, 'stat', c.at('d', 'old1'))
        equal(there.value, 0, 'a name that does not move')
      }
      equal(await moving, 300, 'rounds')
      equal(calls.readText(c.at('d', 'old0')), 'old 0', 'contents')
    },
  )

  it('rm -r while others write', { tree, limit: LIMIT }, async c => {
    const [maker] = await agents(c, 1)
    if (maker === undefined) return
    const making = result(maker, 'files', c.at('d'), 'busy', 400)
    // What is there goes; what comes later may make the last rmdir fail, and nothing else.
    for (let round = 0; round < 200 && calls.exists(c.at('d')); round++) {
      try {
        calls.removeTree(c.at('d'))
      } catch (error) {
        const code = error instanceof calls.CallError ? error.code : String(error)
        check(code === 'ENOTEMPTY', `only ENOTEMPTY is expected (${code})`)
      }
    }
    const made = await making
    check(
      made === 400 || made === -2,
      `files made, or ENOENT once the directory is gone (${made})`,
    )
    calls.removeTree(c.at('d'))
    check(!calls.exists(c.at('d')), 'gone in the end')
  })

  it('several processes remove one tree', { tree, limit: LIMIT }, async c => {
    const all = await agents(c, 4)
    const results = await Promise.all(
      all.map(async agent => {
        let removed = 0
        for (let i = 0; i < 100; i++) {
          const { value } = await agent.attempt(LIMIT, 'unlink', c.at('d', `old${i}`))
          if (value === 0) removed += 1
          else equal(value, -2, `unlink of old${i}`)
        }
        return removed
      }),
    )
    equal(
      results.reduce((sum, n) => sum + n, 0),
      100,
      'each name removed once',
    )
    calls.rmdir(c.at('d'))
  })

  it('changes of one file by several processes', { tree, limit: LIMIT }, async c => {
    const all = await agents(c, 4)
    await Promise.all(
      all.map(async (agent, i) => {
        const fd = await agent.call('open', c.at('config'), C.O_RDWR)
        for (let round = 0; round < 50; round++) {
          await agent.call('pwrite', fd, String(i).repeat(100), i * 100)
          await agent.call('fchmod', fd, 0o600 + (round % 8))
          const back = (await agent.ask('pread', fd, 100, i * 100)).rest[0]
          equal(back, String(i).repeat(100), `part ${i}`)
        }
      }),
    )
    const text = calls.readText(c.at('config'))
    equal(
      text.slice(0, 400),
      ['0', '1', '2', '3'].map(x => x.repeat(100)).join(''),
      'contents',
    )
    equal(text.length, 3000, 'size')
  })

  it(
    'several processes begin to write one file at once',
    { tree, limit: LIMIT },
    async c => {
      const all = await agents(c, 6)
      const opened = await Promise.all(
        all.map(agent => result(agent, 'open', c.at('config'), C.O_RDWR)),
      )
      check(
        opened.every(fd => fd >= 0),
        `all can open it (${opened.join(' ')})`,
      )
      await Promise.all(
        all.map((agent, i) =>
          agent.call('pwrite', opened[i] ?? -1, String(i).repeat(500), i * 500),
        ),
      )
      const expected = [0, 1, 2, 3, 4, 5].map(i => String(i).repeat(500)).join('')
      equal(calls.readText(c.at('config')), expected, 'contents')
      for (const [i, agent] of all.entries()) {
        const { rest } = await agent.ask('pread', opened[i] ?? -1, 3000, 0)
        equal(rest[0], expected, `contents for process ${i}`)
      }
      equal(calls.names(c.dir), ['config', 'd', 'log'], 'names')
    },
  )

  it('several processes rename one file at once', { tree, limit: LIMIT }, async c => {
    const all = await agents(c, 5)
    const results = await Promise.all(
      all.map((agent, i) => result(agent, 'rename', c.at('config'), c.at(`winner${i}`))),
    )
    equal(results.filter(value => value === 0).length, 1, 'one of them succeeds')
    check(
      results.every(value => value === 0 || value === -2),
      `the others get ENOENT (${results.join(' ')})`,
    )
    const names = calls.names(c.dir).filter(name => name.startsWith('winner'))
    equal(names, [`winner${results.indexOf(0)}`], 'names')
  })

  it(
    'directories made and removed by several processes',
    { tree, limit: LIMIT },
    async c => {
      const all = await agents(c, 4)
      const made = await Promise.all(
        all.map(async agent => {
          let count = 0
          for (let round = 0; round < 50; round++) {
            const one = (await agent.attempt(LIMIT, 'mkdir', c.at('d', 'same'), 0o755))
              .value
            check(one === 0 || one === -17, `mkdir (${one})`)
            if (one === 0) count += 1
            const two = (await agent.attempt(LIMIT, 'rmdir', c.at('d', 'same'))).value
            check(two === 0 || two === -2, `rmdir (${two})`)
            if (two === 0) count -= 1
          }
          return count
        }),
      )
      equal(
        made.reduce((sum, n) => sum + n, 0),
        0,
        'made and removed alike',
      )
      check(!calls.exists(c.at('d', 'same')), 'gone in the end')
    },
  )
})

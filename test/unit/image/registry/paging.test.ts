// The Link header of lists.
import t from 'tap'
import { nextPage } from '../../../../src/image/registry/paging.js'

const url = new URL('https://r.example/v2/a/tags/list?n=2')
const cases: readonly [string | undefined, string | undefined][] = [
  [undefined, undefined],
  ['</v2/a/tags/list?n=2&last=b>; rel="next"', '/v2/a/tags/list?n=2&last=b'],
  ['<https://r.example/v2/x>; rel=next', '/v2/x'],
  ['</first>; rel="prev", </second>; rel="next"', '/second'],
  ['</only>; rel="prev"', undefined],
]

for (const [link, wanted] of cases)
  t.test(String(link), async t => {
    const headers = link === undefined ? {} : { link }
    const found = nextPage({ headers, url })
    t.equal(found && found.pathname + found.search, wanted)
  })

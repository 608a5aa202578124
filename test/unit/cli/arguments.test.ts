// Arguments as bytes, and their way into JSON.
import t from 'tap'
import { lastWords, rawArguments } from '../../../src/cli/arguments.js'
import { textOfAnswer, textOfBytes } from '../../../src/bytes/bytes-text.js'

t.test('the words of a command line', async t => {
  const cmdline = 'node\0--flag\0plyfs.js\0mount\0\0/m\xff\0'
  t.same(lastWords(cmdline, 3), ['mount', '', '/m\xff'])
  t.same(lastWords(cmdline, 0), [])
  t.equal(rawArguments().length, process.argv.length - 2)
})

t.test('UTF-8 becomes text, other bytes lone surrogates', async t => {
  const cases: readonly [string, string][] = [
    ['abc\n', 'abc\n'],
    ['\xc3\xa4', 'ä'],
    ['\xe2\x82\xac\xf0\x9f\x98\x80', '€😀'],
    ['a\xff\xc3\xa4', 'a\udcffä'],
    ['\xc3', '\udcc3'],
    ['\xe0\x80\x80', '\udce0\udc80\udc80'],
    ['\xed\xa0\x80', '\udced\udca0\udc80'],
    ['\xf4\xbf\xbf\xbf', '\udcf4\udcbf\udcbf\udcbf'],
  ]
  for (const [bytes, text] of cases) t.equal(textOfBytes(bytes), text)
  t.same(textOfAnswer({ a: ['\xc3\xa4', 1, null, { b: true }] }), {
    a: ['ä', 1, null, { b: true }],
  })
  t.equal(JSON.stringify(textOfBytes('\xff')), '"\\udcff"')
})

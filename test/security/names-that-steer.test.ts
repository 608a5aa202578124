// Names whose bytes would steer a terminal: errors show them harmlessly.
import t from 'tap'
import { file, makeTar } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

t.test('control characters are spelled out', async t => {
  const g = ground(t)
  await g.refuses(makeTar(file('\x1b[2J\n/../../x')), {
    code: 'malformed',
    message: /entry '\\x1b\[2J\\x0a\/\.\.\/\.\.\/x'/,
  })
  await g.refuses(makeTar(file('\xc3\xbc\xc2\x9b/../../x')), {
    code: 'malformed',
    message: /entry 'ü\\x9b\//,
  })
})

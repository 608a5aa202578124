// Names in JSON: text where they are UTF-8, and back to the same bytes in every case.
import t from 'tap'
import { bytesOfText, textOfBytes } from '../../../src/bytes/bytes-text.js'

t.test('back to the same bytes', async t => {
  const names = [
    'plain',
    'd\xc3\xa9',
    '\xf0\x9f\x92\x80',
    'a\xffb',
    '\xed\xb2\x80',
    '\xc3',
    '',
  ]
  for (const name of names)
    t.equal(bytesOfText(textOfBytes(name)), name, JSON.stringify(name))
  t.equal(
    bytesOfText(JSON.parse('"\\udcff\\ud83d\\udc80"') as string),
    '\xff\xf0\x9f\x92\x80',
  )
})

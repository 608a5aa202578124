// WWW-Authenticate headers as registries write them.
import t from 'tap'
import { chooseChallenge } from '../../../../src/image/registry/challenge.js'

const bearer = (more: Record<string, string> = {}) => ({
  scheme: 'bearer',
  ...{ realm: 'https://auth.example/token', service: undefined },
  ...{ scope: undefined, error: undefined, ...more },
})

const cases: readonly [string | undefined, unknown][] = [
  [undefined, undefined],
  ['', undefined],
  ['Basic realm="eco"', { scheme: 'basic' }],
  ['basic', { scheme: 'basic' }],
  ['Negotiate', undefined],
  ['Bearer realm="https://auth.example/token"', bearer()],
  [
    'Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull,push"',
    bearer({ service: 'r', scope: 'repository:a/b:pull,push' }),
  ],
  [
    'bearer  realm=https://auth.example/token , error="insufficient_scope"',
    bearer({ error: 'insufficient_scope' }),
  ],
  ['Basic realm="a, b", Bearer realm="https://auth.example/token"', bearer()],
  [
    'Bearer realm="https://auth.example/token",service="say \\"x\\""',
    bearer({ service: 'say "x"' }),
  ],
  ['Bearer service="no realm", Basic realm="x"', { scheme: 'basic' }],
]

for (const [header, wanted] of cases)
  t.test(String(header), async t => {
    t.same(chooseChallenge(header), wanted)
  })

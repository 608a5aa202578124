// The instructions of `import -c`.
import t from 'tap'
import { applyChanges } from '../../../src/image/dockerfile-changes.js'

t.test('instructions become the config', async t => {
  for (const [changes, config] of [
    [['CMD ["a", "b"]'], { Cmd: ['a', 'b'] }],
    [['cmd echo hi'], { Cmd: ['/bin/sh', '-c', 'echo hi'] }],
    [['ENTRYPOINT ["/x"]', 'CMD ["y"]'], { Entrypoint: ['/x'], Cmd: ['y'] }],
    [['ENV A=1 B="two words" C=d\\ e'], { Env: ['A=1', 'B=two words', 'C=d e'] }],
    [['ENV A 1 2', 'ENV A=3'], { Env: ['A=3'] }],
    [['LABEL x=\'y z\' n="say \\"hi\\""'], { Labels: { x: 'y z', n: 'say "hi"' } }],
    [
      ['EXPOSE 80 53/udp 1-2'],
      { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '1-2/tcp': {} } },
    ],
    [
      ['VOLUME /a /b', 'VOLUME ["/c d"]'],
      { Volumes: { '/a': {}, '/b': {}, '/c d': {} } },
    ],
    [['USER 1:2'], { User: '1:2' }],
    [['WORKDIR /a', 'WORKDIR b'], { WorkingDir: '/a/b' }],
    [['STOPSIGNAL SIGINT'], { StopSignal: 'SIGINT' }],
    [['ONBUILD RUN x'], { OnBuild: ['RUN x'] }],
    [['HEALTHCHECK NONE'], { Healthcheck: { Test: ['NONE'] } }],
    [
      ['HEALTHCHECK --interval=1m30s --retries=2 CMD curl x'],
      { Healthcheck: { Test: ['CMD-SHELL', 'curl x'], Interval: 90e9, Retries: 2 } },
    ],
    [['HEALTHCHECK CMD ["a","b"]'], { Healthcheck: { Test: ['CMD', 'a', 'b'] } }],
  ] as const)
    t.same(applyChanges(changes), config, changes.join('; '))
})

t.test('others are refused by name', async t => {
  for (const change of [
    'RUN x',
    'FROM y',
    'CMD',
    '',
    'ENV A',
    'EXPOSE x',
    'HEALTHCHECK x',
    'HEALTHCHECK --interval=1y CMD x',
    'HEALTHCHECK --foo=1 CMD x',
  ])
    t.throws(
      () => applyChanges([change]),
      { code: 'invalid', message: /change '/ },
      change,
    )
})

// Go templates: the forms that scripts use with `--format`, printed as Go prints.
import t from 'tap'
import { renderList } from '../../../src/cli/list-output.js'
import { template } from '../../../src/cli/template/run.js'

const value = {
  Id: 'sha256:1',
  Size: 12,
  Ok: true,
  None: null,
  RepoTags: ['a:1', 'b:2'],
  Empty: [],
  Config: { Cmd: ['sh', '-c'], Labels: { x: '1', 'a.b': '2' } },
}

t.test('forms', async t => {
  for (const [source, expected] of [
    ['plain', 'plain'],
    ['{{.Id}}', 'sha256:1'],
    ['{{ .Id }}/{{.Size}}', 'sha256:1/12'],
    ['{{.Config.Cmd}}', '[sh -c]'],
    ['{{.Config.Labels}}', 'map[a.b:2 x:1]'],
    ['{{json .Config.Cmd}}', '["sh","-c"]'],
    ['{{json .}}', JSON.stringify(value)],
    ['{{.Config.Cmd | json}}', '["sh","-c"]'],
    ['{{index .RepoTags 1}}', 'b:2'],
    ['{{index .Config.Labels "a.b"}}', '2'],
    ['{{range .RepoTags}}{{.}} {{end}}', 'a:1 b:2 '],
    ['{{range $i, $t := .RepoTags}}{{$i}}={{$t}};{{end}}', '0=a:1;1=b:2;'],
    ['{{range $k, $v := .Config.Labels}}{{$k}}:{{$v}},{{end}}', 'a.b:2,x:1,'],
    ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
    ['{{if .Ok}}yes{{else}}no{{end}}', 'yes'],
    ['{{if .None}}yes{{else if .Empty}}maybe{{else}}no{{end}}', 'no'],
    ['{{if and .Ok (eq .Size 12)}}both{{end}}', 'both'],
    ['{{if not .None}}none{{end}}', 'none'],
    ['{{with .Config}}{{.Cmd}}{{end}}', '[sh -c]'],
    ['{{with $c := .Config}}{{$c.Cmd}} {{$.Id}}{{end}}', '[sh -c] sha256:1'],
    ['{{$x := .Size}}{{$x}}', '12'],
    ['{{join .RepoTags ", "}}', 'a:1, b:2'],
    ['{{len .RepoTags}}', '2'],
    [
      '{{upper .Id}} {{printf "%-5s|%3d|%q" "ab" 7 "c"}}',
      'SHA256:1 ab   | 7|"c"'.replace('| 7', '|  7'),
    ],
    ['{{slice .Id 7}}', '1'],
    ['{{(index .RepoTags 0)}}', 'a:1'],
    ['a {{- /* note */ -}} b', 'ab'],
    ['a {{- .Size -}} b', 'a12b'],
    ['{{.Missing}}', '<no value>'],
    ['{{.Config.Missing.Deeper}}', '<no value>'],
    ['{{"a}}b"}}', 'a}}b'],
    ['{{ge .Size 12}} {{lt .Size 12}}', 'true false'],
    ['{{or .None "x"}}', 'x'],
  ] as const)
    t.equal(template(source)(value), expected, source)
})

t.test('mistakes are told', async t => {
  for (const source of [
    '{{',
    '{{.A',
    '{{}}',
    '{{if .A}}',
    '{{end}}',
    '{{nofunction .A}}',
    '{{.Id.Deeper}}',
    '{{$nobody}}',
    '{{index .RepoTags 9}}',
    '{{.A ! .B}}',
    '{{(.A}}',
  ])
    t.throws(
      () => template(source)(value),
      { code: 'invalid', message: /template/ },
      source,
    )
  t.throws(() => template('{{.Foo}}', { strict: true })(value), {
    message: /no field \.Foo.*\.Id/,
  })
})

t.test('lists for people and for programs', async t => {
  const rows = [
    { Name: 'a', Size: '1B' },
    { Name: 'longer', Size: '20kB' },
  ]
  const columns = [
    ['NAME', 'Name'],
    ['HOW BIG', 'Size'],
  ] as const
  const table = 'NAME     HOW BIG\na        1B\nlonger   20kB'
  t.equal(renderList(rows, columns, {}), table)
  t.equal(renderList(rows, columns, { format: 'table' }), table)
  t.equal(renderList(rows, columns, { format: 'table {{.Name}}\\t{{.Size}}' }), table)
  t.equal(renderList(rows, columns, { format: '{{.Size}}' }), '1B\n20kB')
  t.equal(renderList(rows, columns, { format: 'json' }).split('\n').length, 2)
  t.same(JSON.parse(renderList(rows, columns, { json: true })), rows)
  t.equal(renderList([], columns, { format: '{{.Name}}' }), '')
})

// How a verb prints a list: a table for people, `--json` and `--format` for programs. Pure.
import { renderTable } from './table.js'
import { template } from './template/run.js'

/** A row by Docker's field names; values of the table's columns among them. */
export type ListRow = Readonly<Record<string, unknown>>

/** A column of the table: its heading and the field it shows. */
export type Column = readonly [heading: string, field: string]

export interface ListFlags {
  readonly json?: boolean
  /** A Go template, `table TEMPLATE`, `table`, or `json`. */
  readonly format?: string
}

/** The list as text, without a newline at its end; '' for nothing to print. */
export function renderList(
  rows: readonly ListRow[],
  columns: readonly Column[],
  flags: ListFlags,
): string {
  if (flags.json === true) return JSON.stringify(rows, null, 2)
  const format = flags.format ?? 'table'
  // Docker's `json`: an object a line.
  if (format === 'json') return rows.map(row => JSON.stringify(row)).join('\n')
  if (format === 'table')
    return renderTable(
      columns.map(([heading]) => heading),
      rows.map(row => columns.map(([, field]) => cell(row[field]))),
    )
  if (format.startsWith('table ')) return tableOf(rows, columns, format.slice(6).trim())
  const run = template(unescaped(format), { strict: true })
  return rows.map(run).join('\n')
}

/** The cells of a table's template stand between tabs, its headings are the fields'. */
function tableOf(
  rows: readonly ListRow[],
  columns: readonly Column[],
  source: string,
): string {
  const run = template(unescaped(source), { strict: true })
  const names = new Map(columns.map(([heading, field]) => [field, heading]))
  const heading = (field: string): string => names.get(field) ?? field.toUpperCase()
  const headings = unescaped(source).replace(
    /\{\{[^}]*?\.(\w+)[^}]*\}\}/g,
    (_whole, field: string) => heading(field),
  )
  return renderTable(
    headings.split('\t'),
    rows.map(row => run(row).split('\t')),
  )
}

/** `\t` and `\n` as shells hand them over. */
function unescaped(text: string): string {
  return text.replace(/\\t/g, '\t').replace(/\\n/g, '\n')
}

function cell(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

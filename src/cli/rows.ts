// Facts in two columns. Pure.

/** A label and what stands beside it; nothing is printed for a fact that is null. */
export type Row = readonly [label: string, fact: string | null]

/** The rows as lines, the facts in one column. */
export function renderRows(rows: readonly Row[]): string {
  const shown = rows.filter(([, fact]) => fact !== null)
  const width = Math.max(...shown.map(([label]) => label.length))
  return shown.map(([label, fact]) => `${label.padEnd(width)}  ${fact ?? ''}`).join('\n')
}

/** Counts by name, the largest first, numbers in one column. */
export function renderCounts(counts: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(counts).toSorted(
    ([nameOne, one], [nameTwo, two]) => two - one || nameOne.localeCompare(nameTwo),
  )
  const width = Math.max(0, ...entries.map(([name]) => name.length))
  const digits = Math.max(0, ...entries.map(([, count]) => String(count).length))
  return entries.map(
    ([name, count]) => `  ${name.padEnd(width)}  ${String(count).padStart(digits)}`,
  )
}

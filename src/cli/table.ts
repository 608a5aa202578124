// Tables as Docker prints them: headings in capitals, columns three spaces apart. Pure.

/** Lines of equal columns; the last one is not padded. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map(row => (row[i] ?? '').length)),
  )
  return [headings, ...rows]
    .map(row =>
      row
        .map((cell, i) => cell.padEnd((widths[i] ?? 0) + 3))
        .join('')
        .trimEnd(),
    )
    .join('\n')
}

// Numbers of bytes as people read them, in Docker's units (powers of 1000, three digits). Pure.

/** `12.3MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const text = unit === 0 ? String(value) : value.toPrecision(3)
  return `${Number(text)}${units[unit] ?? ''}`
}

// `run --trace-boot`: a line on standard error for each stage of the start.
import { formatBytes } from '../bytes-size.js'

/** @param us microseconds. @param bytes of memory that the stage takes, or gives back. */
export function stageLine(stage: string, us: number, bytes: number): string {
  const time = `${(us / 1000).toFixed(1)} ms`
  const freed = stage === 'bootfs unmounted' ? ' freed' : ''
  return `boot: ${stage.padEnd(18)} ${time.padStart(10)}  ${formatBytes(bytes)}${freed}`
}

// Times as Docker shows them. Pure.

/** `2 weeks ago` (go-units' HumanDuration); `N/A` for no time. */
export function ago(time: string | undefined, now: number = Date.now()): string {
  const then = time === undefined ? NaN : Date.parse(time)
  return Number.isNaN(then) ? 'N/A' : `${duration((now - then) / 1000)} ago`
}

function duration(seconds: number): string {
  if (seconds < 1) return 'Less than a second'
  if (seconds < 2) return '1 second'
  if (seconds < 60) return `${Math.floor(seconds)} seconds`
  const minutes = Math.floor(seconds / 60)
  if (minutes === 1) return 'About a minute'
  if (minutes < 60) return `${minutes} minutes`
  const hours = Math.round(minutes / 60)
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`
  return `${Math.floor(hours / 24 / 365)} years`
}

// Times as the workers print them (`seconds.nanoseconds`). Those of the run itself differ between
// the sides by nature; see 'values of times that the run has made'.

/** Whether the time is one that the run has made by itself: neither old nor set. */
export function isRecent(time: string, begin: number): boolean {
  const seconds = Number(time.split('.')[0])
  const milliseconds = Number(time)
  return milliseconds * 1000 >= begin && seconds < begin / 1000 + 86_400
}

export function sameTime(a: string, b: string, begin: number): boolean {
  return a === b || (isRecent(a, begin) && isRecent(b, begin))
}

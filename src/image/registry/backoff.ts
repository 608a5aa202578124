// When a failed request is worth another try, and how long to wait first. Waits are timers of the
// network's own rhythm (RFC 9110, "Retry-After"), never a guess at another program's speed.
import { setTimeout as wait } from 'node:timers/promises'
import { ImageError } from '../model/errors.js'

export interface RetryPolicy {
  /** Tries in all without any progress between them. */
  readonly attempts: number
  /** Milliseconds before the second try; doubled for each further one. */
  readonly firstDelay: number
  /** Milliseconds: no wait of ours is longer. */
  readonly longestDelay: number
  /** Milliseconds: a server that asks for more than that is not waited for. */
  readonly patience: number
}

export const usualPolicy: RetryPolicy = {
  attempts: 6,
  firstDelay: 500,
  longestDelay: 15_000,
  patience: 300_000,
}

/** A failure that another try may mend. */
export class TransientError extends Error {
  override readonly name = 'TransientError'
  /** Milliseconds that the server wants to be left alone. */
  readonly retryAfter: number | undefined
  /** What the user is told when no further try is made. */
  readonly final: ImageError

  constructor(final: ImageError, retryAfter?: number) {
    super(final.message, { cause: final })
    this.final = final
    this.retryAfter = retryAfter
  }
}

/**
 * Tries until `operation` succeeds or fails for good, or the tries are used up.
 * @param operation is told to say when it got further: the count of tries then begins anew.
 * @throws what the operation throws; a TransientError's `final` after the last try.
 */
export async function retrying<T>(
  policy: RetryPolicy,
  operation: (progressed: () => void) => Promise<T>,
  onWait: (milliseconds: number, why: ImageError) => void = () => undefined,
): Promise<T> {
  let failures = 0
  for (;;) {
    try {
      return await operation(() => (failures = 0))
    } catch (error) {
      if (!(error instanceof TransientError)) throw error
      failures++
      const delay = delayBefore(failures, error.retryAfter, policy)
      if (failures >= policy.attempts || delay === undefined) throw error.final
      onWait(delay, error.final)
      await wait(delay)
    }
  }
}

/** With jitter, so that many clients that failed together do not come back together. */
function delayBefore(
  failures: number,
  retryAfter: number | undefined,
  { firstDelay, longestDelay, patience }: RetryPolicy,
): number | undefined {
  const own = Math.min(longestDelay, firstDelay * 2 ** (failures - 1))
  const jittered = own * (0.75 + Math.random() / 2)
  if (retryAfter === undefined) return jittered
  return retryAfter > patience ? undefined : Math.max(retryAfter, jittered)
}

/** Milliseconds that a Retry-After header asks for: seconds or a date. */
export function parseRetryAfter(
  value: string | undefined,
  now: number,
): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Statuses of a server that may do better in a moment. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501)
}

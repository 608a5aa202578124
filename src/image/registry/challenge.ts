// WWW-Authenticate (RFC 9110, 11.6.1): what a registry wants to see. Pure.

export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer'
      readonly realm: string
      readonly service: string | undefined
      readonly scope: string | undefined
      /** `insufficient_scope`, `invalid_token` (RFC 6750, 3.1). */
      readonly error: string | undefined
    }

/** The challenge that is answered: Bearer where it is offered, else Basic. */
export function chooseChallenge(header: string | undefined): Challenge | undefined {
  const offered = parseChallenges(header ?? '')
  for (const { scheme, parameters } of offered) {
    const realm = parameters.get('realm')
    if (scheme === 'bearer' && realm !== undefined)
      return {
        scheme,
        realm,
        service: parameters.get('service'),
        scope: parameters.get('scope'),
        error: parameters.get('error'),
      }
  }
  return offered.some(({ scheme }) => scheme === 'basic')
    ? { scheme: 'basic' }
    : undefined
}

interface Offered {
  readonly scheme: string
  readonly parameters: Map<string, string>
}

/** A scheme, or `name=value` with the value quoted or not; commas between either. */
const PIECE =
  /\s*,?\s*(?:([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([!#$%&'*+.^_`|~\w-]+)(?=\s|,|$))/y

function parseChallenges(header: string): Offered[] {
  const offered: Offered[] = []
  PIECE.lastIndex = 0
  for (let found = PIECE.exec(header); found !== null; found = PIECE.exec(header)) {
    const [, name, quoted, plain, scheme] = found
    if (scheme !== undefined)
      offered.push({ scheme: scheme.toLowerCase(), parameters: new Map() })
    else if (name !== undefined)
      offered
        .at(-1)
        ?.parameters.set(
          name.toLowerCase(),
          quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '',
        )
  }
  return offered
}

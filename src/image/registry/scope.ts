// What a token is asked for (distribution project, "Docker Registry v2 Scope"). Pure.

export function pullScope(repository: string): string {
  return `repository:${repository}:pull`
}

export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`
}

/** The list of all repositories. */
export const CATALOG_SCOPE = 'registry:catalog:*'

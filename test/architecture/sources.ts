// The project's files as the architecture tests see them. Reads what git tracks or would track,
// never what was built or installed.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import ts from 'typescript'

/** The top of the project; tests are started there. */
export const root = process.cwd()

/** Every file that is tracked, or new and not ignored, by its path from the top. */
export function projectFiles(): string[] {
  return execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
    .split('\0')
    .filter(file => file !== '' && fs.existsSync(path.join(root, file)))
}

export function read(file: string): string {
  return fs.readFileSync(path.join(root, file), 'utf8')
}

export interface Import {
  /** As written. */
  readonly specifier: string
  /** Path from the top for one of ours (`src/sys/fd.ts`), null for a package or `node:`. */
  readonly file: string | null
  /** `import()` and `require()`: loaded when it is reached, not at start. */
  readonly late: boolean
  /** What is taken by name. */
  readonly names: readonly string[]
}

/** Every import and re-export of a TypeScript file, types included. */
export function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2023)
  const found: Import[] = []
  source.forEachChild(visit)
  return found

  function visit(node: ts.Node): void {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, false, node.importClause?.namedBindings)
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, false, node.exportClause)
    } else if (ts.isCallExpression(node) && isLateImport(node.expression)) {
      add(node.arguments[0], true, undefined)
    }
    node.forEachChild(visit)
  }

  function add(
    from: ts.Expression | undefined,
    late: boolean,
    named: ts.Node | undefined,
  ) {
    if (from === undefined) return
    const specifier = ts.isStringLiteral(from) ? from.text : '(computed)'
    const ours = specifier.startsWith('.')
    found.push({
      specifier,
      file: ours ? resolve(file, specifier) : null,
      late,
      names: named === undefined ? [] : namesIn(named),
    })
  }
}

function isLateImport(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true
  return ts.isIdentifier(callee) && callee.text === 'require'
}

function namesIn(clause: ts.Node): string[] {
  if (!ts.isNamedImports(clause) && !ts.isNamedExports(clause)) return ['*']
  return clause.elements.map(element => (element.propertyName ?? element.name).text)
}

function resolve(from: string, specifier: string): string {
  return path.join(path.dirname(from), specifier).replace(/\.js$/, '.ts')
}

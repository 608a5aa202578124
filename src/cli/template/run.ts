// Runs a Go template over plain values, and prints them as Go does. Pure.
import { isObject } from '../../image/model/json-shape.js'
import {
  type Block,
  type Command,
  invalid,
  type Node,
  type Operand,
  parseTemplate,
  type Pipe,
} from './parse.js'
import { functions } from './functions.js'
import { isTrue, printed } from './values.js'

export interface TemplateOptions {
  /** A field that the top value does not have is an error, not `<no value>`. */
  readonly strict?: boolean
}

/** A template that can be run many times. @throws ImageError `invalid`. */
export function template(
  source: string,
  options: TemplateOptions = {},
): (value: unknown) => string {
  const nodes = parseTemplate(source)
  return value => new Run(source, value, options.strict === true).nodes(nodes, value)
}

class Run {
  private readonly source: string
  private readonly top: unknown
  private readonly strict: boolean
  private readonly variables = new Map<string, unknown>()

  constructor(source: string, top: unknown, strict: boolean) {
    this.source = source
    this.top = top
    this.strict = strict
    this.variables.set('$', top)
  }

  nodes(nodes: readonly Node[], dot: unknown): string {
    return nodes.map(node => this.node(node, dot)).join('')
  }

  private node(node: Node, dot: unknown): string {
    if (node.kind === 'text') return node.text
    const value = this.pipe(node.pipe, dot)
    switch (node.kind) {
      case 'print':
        return printed(value)
      case 'set':
        this.bind(node.names, value)
        return ''
      case 'if':
        return this.nodes(isTrue(value) ? node.body : node.otherwise, dot)
      case 'with':
        this.bind(node.names, value)
        return isTrue(value)
          ? this.nodes(node.body, value)
          : this.nodes(node.otherwise, dot)
      case 'range':
        return this.range(node, value, dot)
    }
  }

  private range(node: Block, value: unknown, dot: unknown): string {
    const items = itemsOf(value)
    if (items.length === 0) return this.nodes(node.otherwise, dot)
    return items
      .map(([key, item]) => {
        const [first, second] = node.names
        if (second !== undefined) this.variables.set(second, item)
        if (first !== undefined)
          this.variables.set(first, second === undefined ? item : key)
        return this.nodes(node.body, item)
      })
      .join('')
  }

  private bind([name]: readonly string[], value: unknown): void {
    if (name !== undefined) this.variables.set(name, value)
  }

  private pipe(pipe: Pipe, dot: unknown): unknown {
    let value: unknown
    for (const [i, command] of pipe.entries())
      value = this.command(command, dot, i === 0 ? [] : [value])
    return value
  }

  private command(command: Command, dot: unknown, last: readonly unknown[]): unknown {
    const [first, ...rest] = command
    if (first === undefined) return undefined
    if (first.kind !== 'call') {
      if (rest.length > 0 || last.length > 0)
        throw invalid(this.source, 'a value takes no arguments')
      return this.operand(first, dot)
    }
    const called = functions.get(first.name)
    if (called === undefined)
      throw invalid(this.source, `there is no function '${first.name}'`)
    const args = [...rest.map(one => this.operand(one, dot)), ...last]
    try {
      return called(...args)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw invalid(this.source, `${first.name}: ${why}`)
    }
  }

  private operand(operand: Operand, dot: unknown): unknown {
    if (operand.kind === 'literal') return operand.value
    if (operand.kind === 'call') return this.command([operand], dot, [])
    let value = dot
    if (operand.base.kind === 'pipe') value = this.pipe(operand.base.pipe, dot)
    else if (operand.base.kind === 'variable') {
      if (!this.variables.has(operand.base.name))
        throw invalid(this.source, `there is no variable ${operand.base.name}`)
      value = this.variables.get(operand.base.name)
    }
    for (const name of operand.path) value = this.field(value, name)
    return value
  }

  private field(value: unknown, name: string): unknown {
    if (isObject(value) && Object.hasOwn(value, name)) return value[name]
    if (this.strict && value === this.top && isObject(value))
      throw invalid(
        this.source,
        `there is no field .${name}; there are ${Object.keys(value)
          .map(key => `.${key}`)
          .join(' ')}`,
      )
    if (value === undefined || value === null || isObject(value)) return undefined
    throw invalid(this.source, `.${name}: a ${typeof value} has no fields`)
  }
}

function itemsOf(value: unknown): (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return value.map((item, i) => [i, item] as const)
  if (isObject(value))
    return Object.entries(value).toSorted(([one], [two]) => (one < two ? -1 : 1))
  return []
}

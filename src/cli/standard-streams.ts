// Node's streams for standard output and standard error. To make one takes longer than many a verb: lines
// are written without (output.ts), and none is made to ask whether it has been written to.

const used = new Set<NodeJS.WriteStream>()

export function standardOutput(): NodeJS.WriteStream {
  return noted(process.stdout)
}

export function standardError(): NodeJS.WriteStream {
  return noted(process.stderr)
}

function noted(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  used.add(stream)
  return stream
}

/** Resolves when what was written is on its way: a pipe whose reader is slow has not taken it at once. */
export async function allWritten(): Promise<void> {
  for (const stream of used)
    if (stream.writableLength > 0)
      await new Promise<void>(resolve => stream.write('', () => resolve()))
}

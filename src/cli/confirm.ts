// A question that is answered with yes or no on standard input, as Docker's are: `yes | plyfs ...`
// answers it too.
import * as fs from 'node:fs'
import { createInterface } from 'node:readline'

/** Whether the first line of standard input says yes; nothing at all says no. */
export async function confirm(question: string): Promise<boolean> {
  fs.writeSync(2, question)
  const lines = createInterface({ input: process.stdin })
  try {
    for await (const line of lines) return /^y(es)?$/i.test(line.trim())
    return false
  } finally {
    lines.close()
  }
}

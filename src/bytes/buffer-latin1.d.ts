// Methods that Node's Buffer has and its published types leave out: text to bytes and back, one
// character a byte, without the cost of naming the encoding.
interface Buffer {
  latin1Slice(start?: number, end?: number): string
  latin1Write(text: string, offset?: number, length?: number): number
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let word = index
  for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0xedb88320 : word >>> 1
  return word
})

const encoder = new TextEncoder()

/** CRC-32 as in zlib, gzip and PNG, of a text as UTF-8; a lone surrogate counts as U+FFFD. From 0 to 2^32 - 1. */
export const crc32 = (text: string): number => {
  let crc = 0xffffffff
  for (const byte of encoder.encode(text)) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

import * as Effect from "effect/Effect"
import { InvalidInput } from "../domain/limits.ts"

// a byte order mark is part of the text, and a payload is returned exactly as it was given
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Bytes of the wire as the text that the store keeps. */
export const decodeText = (field: string, bytes: Uint8Array): Effect.Effect<string, InvalidInput> =>
  Effect.try({
    try: () => strict.decode(bytes),
    catch: () => new InvalidInput({ field, problem: "must be UTF-8 text" })
  })

export const encodeText = (text: string): Uint8Array => encoder.encode(text)

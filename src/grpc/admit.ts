import { createHash, timingSafeEqual } from "node:crypto"
import type { Metadata } from "@grpc/grpc-js"
import * as Redacted from "effect/Redacted"

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Probes of orchestrators cannot send tokens, and learn nothing here but whether the server serves. */
const openService = "/grpc.health.v1.Health/"

const scheme = /^bearer +/i

/**
 * Whether a call carries one of the tokens, as `authorization: Bearer <token>`. Takes the same time for every token:
 * digests are compared, of one length, and all of them.
 */
export const admitTokens = (tokens: ReadonlyArray<Redacted.Redacted<string>>) => {
  const known = tokens.map((token) => digest(Redacted.value(token)))
  return (path: string, metadata: Metadata): boolean => {
    if (known.length === 0 || path.startsWith(openService)) return true
    const [given] = metadata.get("authorization")
    if (typeof given !== "string" || !scheme.test(given)) return false
    const offered = digest(given.replace(scheme, ""))
    let admitted = false
    for (const one of known) admitted = timingSafeEqual(one, offered) || admitted
    return admitted
  }
}

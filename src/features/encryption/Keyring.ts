// Random nonces must not be predictable, so they come from the operating system and not from Effect's Random.
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"
import { envelope, envelopePrefix } from "../../domain/envelope.ts"
import { maxErrorLength } from "../../domain/Job.ts"
import { InvalidInput } from "../../domain/limits.ts"

/** Where a text belongs; a ciphertext that is moved elsewhere is not decrypted there. */
export type Place = ReadonlyArray<string | number>

/** What became of a stored text. `NoKey`: another process may have it. `Broken`: changed, moved, or of another key of that name. */
export type Opened =
  | { readonly _tag: "Opened"; readonly text: string }
  | { readonly _tag: "Plain"; readonly text: string }
  | { readonly _tag: "NoKey"; readonly key: string }
  | { readonly _tag: "Broken"; readonly key: string }

interface Key {
  readonly id: string
  readonly cipher: Buffer
}

const nonceBytes = 12
const tagBytes = 16
const keyIdPattern = /^[A-Za-z0-9_-]{1,32}$/

/** Short texts are cut by the store, which would make them unreadable, so they are cut before. */
const maxTextBytes = Math.floor(((maxErrorLength - envelopePrefix.length - 33) * 3) / 4) - nonceBytes - tagBytes

const derive = (secret: Buffer, purpose: string): Buffer =>
  Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), `winterq ${purpose}`, 32))

const secretOf = (field: string, secret: Redacted.Redacted<string>): Result.Result<Buffer, InvalidInput> => {
  const text: unknown = Redacted.value(secret)
  const bytes = Buffer.from(typeof text === "string" ? text : "", "base64")
  return bytes.length === 32
    ? Result.succeed(bytes)
    : Result.fail(new InvalidInput({ field, problem: "must be 32 random bytes as base64" }))
}

const cutTo = (text: string, bytes: number): string => {
  const cut = boundedText(text, bytes)
  if (Buffer.byteLength(cut) <= bytes) return cut
  // a character that is cut in two becomes U+FFFD
  return Buffer.from(cut)
    .subarray(0, bytes)
    .toString()
    .replace(/\uFFFD+$/, "")
}

/** Encrypts with one key and decrypts with many. AES-256-GCM; see docs/decisions/0014-encryption.md. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, Key>
  readonly #current: Key
  readonly #lookup: Buffer

  private constructor(keys: ReadonlyMap<string, Key>, current: Key, lookup: Buffer) {
    this.#keys = keys
    this.#current = current
    this.#lookup = lookup
  }

  static make(options: {
    readonly keys: Readonly<Record<string, Redacted.Redacted<string>>>
    readonly current: string
    readonly uniqueSecret?: Redacted.Redacted<string>
  }): Result.Result<Keyring, InvalidInput> {
    return Result.gen(function* () {
      const keys = new Map<string, Key>()
      let lookup: Buffer | undefined
      for (const [id, secret] of Object.entries(options.keys)) {
        if (!keyIdPattern.test(id)) {
          return yield* Result.fail(
            new InvalidInput({ field: "keys", problem: "must have names of 1 to 32 of A-Z a-z 0-9 _ -" })
          )
        }
        const bytes = yield* secretOf(`keys.${id}`, secret)
        keys.set(id, { id, cipher: derive(bytes, "cipher") })
        if (id === options.current) lookup = derive(bytes, "lookup")
      }
      if (options.uniqueSecret !== undefined) {
        lookup = derive(yield* secretOf("uniqueSecret", options.uniqueSecret), "lookup")
      }
      const current = keys.get(options.current)
      if (current === undefined || lookup === undefined) {
        return yield* Result.fail(
          new InvalidInput({ field: "current", problem: "must be the name of one of the keys" })
        )
      }
      return new Keyring(keys, current, lookup)
    })
  }

  seal(text: string, place: Place): string {
    const { cipher: key, id } = this.#current
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv("aes-256-gcm", key, nonce)
    cipher.setAAD(additional(id, place))
    const sealed = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()])
    return `${envelopePrefix}${id}.${sealed.toString("base64url")}`
  }

  /** An error text, a reason or a log line, cut so that the store keeps it whole. */
  sealText(text: string, place: Place): string {
    return this.seal(cutTo(text, maxTextBytes), place)
  }

  open(text: string, place: Place): Opened {
    if (!text.startsWith(envelopePrefix)) return { _tag: "Plain", text }
    const [, id, body] = envelope.exec(text) ?? []
    if (id === undefined || body === undefined) return { _tag: "Broken", key: "?" }
    const key = this.#keys.get(id)
    if (key === undefined) return { _tag: "NoKey", key: id }
    const sealed = Buffer.from(body, "base64url")
    const opened = Result.try(() => {
      const end = sealed.length - tagBytes
      const decipher = createDecipheriv("aes-256-gcm", key.cipher, sealed.subarray(0, nonceBytes), {
        authTagLength: tagBytes
      })
      decipher.setAAD(additional(id, place))
      decipher.setAuthTag(sealed.subarray(end))
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, end)), decipher.final()]).toString("utf8")
    })
    return Result.isSuccess(opened) ? { _tag: "Opened", text: opened.success } : { _tag: "Broken", key: id }
  }

  /** The same text for the same text, and of no use to whoever does not have the secret. */
  blind(text: string, purpose: string): string {
    return createHmac("sha256", this.#lookup)
      .update(JSON.stringify([purpose, text]))
      .digest("base64url")
  }
}

const additional = (key: string, place: Place): Buffer => Buffer.from(JSON.stringify(["winterq", 1, key, ...place]))

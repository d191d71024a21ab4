import type { Ended } from "../../domain/Job.ts"
import type { MemberEnding } from "../../ports/JobStore.ts"
import type { Keyring, Opened, Place } from "./Keyring.ts"

/** Says why a text cannot be shown. No JSON, so that nothing takes it for a value. */
export const whyNot = (opened: Exclude<Opened, { readonly _tag: "Opened" }>): string => {
  switch (opened._tag) {
    case "NoKey":
      return `(encrypted with the key ${opened.key}, which is not here)`
    case "Broken":
      return `(encrypted with the key ${opened.key}, and changed since)`
    case "Plain":
      return "(not encrypted, and refused)"
  }
}

/** Seals and opens what a job leaves behind; `at` is the place of all of it. */
export class Sealed {
  readonly keyring: Keyring
  readonly #acceptPlain: boolean

  constructor(keyring: Keyring, acceptPlain: boolean) {
    this.keyring = keyring
    this.#acceptPlain = acceptPlain
  }

  open(text: string, place: Place): Opened {
    const opened = this.keyring.open(text, place)
    return opened._tag === "Plain" && this.#acceptPlain ? { _tag: "Opened", text: opened.text } : opened
  }

  /** A payload, result, failure or progress, or in its place why it cannot be shown. */
  value(text: string, place: Place): string {
    const opened = this.open(text, place)
    return opened._tag === "Opened" ? opened.text : whyNot(opened)
  }

  /** An error text, reason or log line. The store writes some of its own, which are not encrypted. */
  text(text: string, place: Place): string {
    const opened = this.keyring.open(text, place)
    return opened._tag === "Opened" || opened._tag === "Plain" ? opened.text : whyNot(opened)
  }

  sealEnded(ended: Ended, at: Place): Ended {
    switch (ended._tag) {
      case "Completed":
        return ended.result === undefined
          ? ended
          : { ...ended, result: this.keyring.seal(ended.result, ["result", ...at]) }
      case "Dead":
        return {
          ...ended,
          error: this.keyring.sealText(ended.error, ["text", ...at]),
          ...(ended.failure === undefined ? {} : { failure: this.keyring.seal(ended.failure, ["failure", ...at]) })
        }
      case "Cancelled":
        return { ...ended, reason: this.keyring.sealText(ended.reason, ["text", ...at]) }
    }
  }

  openEnded(ended: Ended, at: Place): Ended {
    switch (ended._tag) {
      case "Completed":
        return ended.result === undefined ? ended : { ...ended, result: this.value(ended.result, ["result", ...at]) }
      case "Dead":
        return {
          ...ended,
          error: this.text(ended.error, ["text", ...at]),
          ...(ended.failure === undefined ? {} : { failure: this.value(ended.failure, ["failure", ...at]) })
        }
      case "Cancelled":
        return { ...ended, reason: this.text(ended.reason, ["text", ...at]) }
    }
  }

  /** The key that an ending needs and this process does not have. */
  missingKey(ended: MemberEnding["ended"], at: Place): string | undefined {
    const texts =
      ended._tag === "Completed"
        ? [["result", ended.result] as const]
        : ended._tag === "Dead"
          ? [["failure", ended.failure] as const]
          : []
    for (const [what, text] of texts) {
      const opened = text === undefined ? undefined : this.keyring.open(text, [what, ...at])
      if (opened?._tag === "NoKey") return opened.key
    }
    return undefined
  }
}

import { maxErrorLength } from "./Job.ts"

/**
 * A text as it is stored beside a job: error texts, reasons, log lines. Cut to a length, and well-formed Unicode: a lone
 * surrogate, which no UTF-8 can carry, becomes U+FFFD.
 *
 * **Units** `most` in UTF-16 units, 8192 when left out.
 * **Ref** docs/semantics.md BOUND-1
 */
export const boundedText = (text: string, most = maxErrorLength): string => {
  if (text.length <= most) return text.toWellFormed()
  // a pair is not cut in two
  const end = /[\uD800-\uDBFF]/.test(text[most - 1]!) ? most - 1 : most
  return text.slice(0, end).toWellFormed()
}

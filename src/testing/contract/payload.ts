import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { contract } from "./contract.ts"
import { complete, job, retry } from "./support.ts"

const oddTexts = [
  "",
  " ",
  "\0",
  "before\0after\0",
  "\n",
  "\r\n",
  "first\nsecond\r\nthird\n",
  ",",
  "1,2,3",
  "\n\n,\n",
  "'\"\\",
  "%s %d {tag} $1 \\0 \\n",
  "nil",
  "-0.10e400",
  "\u0001\u0002\u001f\u007f\u0080\u00ff",
  "\u2028\u2029\ufeff\ufffd",
  "żółć 日本語 עברית",
  "👩🏽‍🚀🏳️‍🌈",
  JSON.stringify("\ud800 alone, and \udfff"),
  JSON.stringify({ nested: ["\0", null, 1e21, { "": "" }] })
]

const large = (text: string) => text.repeat(Math.ceil((400 * 1024) / Buffer.byteLength(text)))

const largeTexts = [large("a"), large("é\n,\0"), large("🚀")]

export const payloadContract = contract("payload", (it) => {
  it.effect("ENQUEUE-5 a payload is returned exactly, whatever text it holds", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...oddTexts.map((payload, i) => job(`job-${i}`, { payload })))

      const listed = yield* queue.list({ state: "pending", limit: 100 })
      const claimed = yield* queue.claim()
      const read = yield* Effect.forEach(oddTexts, (_, i) => queue.read(`job-${i}`))

      const payloads = [listed.jobs, claimed, read].map((jobs) => jobs.map(({ payload }) => payload))
      assert.deepStrictEqual(payloads, [oddTexts, oddTexts, oddTexts])
    })
  )

  it.effect("ENQUEUE-5 a payload of 400 KiB is returned exactly", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...largeTexts.map((payload, i) => job(`job-${i}`, { payload })))

      const claimed = yield* queue.claim()

      assert.isTrue(claimed.every(({ payload }, i) => payload === largeTexts[i]))
      assert.lengthOf(claimed, largeTexts.length)
    })
  )

  it.effect("ENQUEUE-5 a payload stays exact through retry and completion", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(...oddTexts.map((payload, i) => job(`job-${i}`, { payload, retainMillis: 60_000 })))
      const first = yield* queue.claim()
      yield* queue.settle(...first.map((held) => retry(held, 0, held.payload)))
      const second = yield* queue.claim()

      yield* queue.settle(...second.map((held) => complete(held, held.payload)))

      const read = yield* Effect.forEach(second, ({ id }) => queue.read(id))
      assert.deepStrictEqual(
        read.map(({ payload }) => payload),
        second.map(({ payload }) => payload)
      )
      assert.sameMembers(
        read.map(({ payload }) => payload),
        oddTexts
      )
    })
  )

  it.effect("ENQUEUE-5 headers are returned exactly", (queue) =>
    Effect.gen(function* () {
      const headers = Object.fromEntries(oddTexts.map((text, i) => [`${i} ${text}`, text]))
      yield* queue.enqueue(job("a", { headers }))

      const claimed = yield* queue.claimOne()

      assert.deepStrictEqual(claimed.headers, headers)
      assert.deepStrictEqual((yield* queue.read("a")).headers, headers)
    })
  )
})

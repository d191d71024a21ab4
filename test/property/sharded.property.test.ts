import { crc32 as zlibCrc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import { crc32 } from "../../src/domain/crc32.ts"
import { encodeJobId } from "../../src/domain/job-id.ts"
import { checkAnyQueue, maxShards, sharded, shardFor, shardsOf } from "../../src/domain/Sharded.ts"

const anyText = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }))
const anyShards = fc.integer({ min: 1, max: maxShards })

/** Keys as people have them: running numbers, padded ones, addresses, generated ids. */
const keyShapes: Readonly<Record<string, (seed: number, i: number) => string>> = {
  numbers: (seed, i) => String(seed + i),
  padded: (seed, i) => `customer-${String(seed + i).padStart(12, "0")}`,
  addresses: (seed, i) => `user${(seed + i) * 7}@example.org`,
  doubled: (seed, i) => `${seed + i}:${seed + i}`,
  ids: (seed, i) => {
    // mulberry32, so that a failing seed fails again
    let state = (seed * 100_003 + i) >>> 0
    return encodeJobId(1_790_000_000_000 + i, () => {
      state = (state + 0x6d2b79f5) >>> 0
      let word = Math.imul(state ^ (state >>> 15), state | 1)
      word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
      return ((word ^ (word >>> 14)) >>> 0) / 4294967296
    })
  }
}

describe("the shard of a key", () => {
  it("is CRC-32 of its UTF-8 modulo the number of shards", () =>
    fc.assert(
      fc.property(anyText, anyShards, (key, shards) => {
        assert.strictEqual(crc32(key), zlibCrc32(Buffer.from(key)))
        assert.strictEqual(
          shardFor(sharded("orders", { shards }), key),
          `orders.${zlibCrc32(Buffer.from(key)) % shards}`
        )
      })
    ))

  it("is what other languages compute", () => {
    const orders = sharded("orders", { shards: 8 })

    assert.strictEqual(crc32("123456789"), 0xcbf43926)
    assert.deepStrictEqual(
      ["ada", "grace", "müller", ""].map((key) => shardFor(orders, key)),
      // Python: zlib.crc32(key.encode()) % 8
      ["orders.0", "orders.3", "orders.1", "orders.0"]
    )
  })

  it("is one of the shards, and the queue itself when that is plain", () =>
    fc.assert(
      fc.property(anyText, anyShards, (key, shards) => {
        const queue = sharded("orders", { shards })

        assert.include(shardsOf(queue), shardFor(queue, key))
        assert.strictEqual(shardFor("orders", key), "orders")
      })
    ))

  for (const [shape, keyOf] of Object.entries(keyShapes)) {
    it(`is any of them about equally often, for ${shape}`, () =>
      fc.assert(
        fc.property(fc.constantFrom(2, 3, 8, 16, 60, 256), fc.nat(1_000_000), (shards, seed) => {
          const queue = sharded("q", { shards })
          const perShard = 400
          const counts = new Map(shardsOf(queue).map((name) => [name, 0]))
          for (let i = 0; i < perShard * shards; i++) {
            const name = shardFor(queue, keyOf(seed, i))
            counts.set(name, counts.get(name)! + 1)
          }

          // six standard deviations of a fair draw are 120
          for (const count of counts.values()) assert.isAtMost(Math.abs(count - perShard), 120)
        }),
        { numRuns: 12 }
      ))
  }
})

describe("a sharded queue", () => {
  it("has from 1 to 256 shards, all with names that queues may have", () => {
    const isFine = (name: string, shards: number) => Result.isSuccess(checkAnyQueue(sharded(name, { shards })))

    assert.isTrue(isFine("orders", 1) && isFine("orders", 256) && isFine("a".repeat(126), 10))
    for (const shards of [0, -1, 1.5, 257, Number.NaN, Number.POSITIVE_INFINITY])
      assert.isFalse(isFine("orders", shards))
    assert.isFalse(isFine("", 2))
    assert.isFalse(isFine("bad name", 2))
    assert.isFalse(isFine("a".repeat(126), 11))
  })
})

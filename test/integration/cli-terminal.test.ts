import * as Effect from "effect/Effect"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { JobStore, type NewJob } from "winterq"
import * as Redis from "winterq/redis"
import { redisUrl } from "../support/redis-url.ts"
import { noTmux, Terminal } from "../support/tmux.ts"
import { winterOn } from "../support/winter.ts"

const job = (id: string): NewJob => ({
  ...{ id, kind: "cli.job", payload: "{}", priority: 5, maxAttempts: 3, retainMillis: 600_000 }
})

/** Jobs that die at once. */
const die = (prefix: string, count: number) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const store = yield* JobStore
      for (let from = 0; from < count; from += 1000) {
        yield* store.enqueue(
          "mail",
          Array.from({ length: Math.min(1000, count - from) }, (_, i) => job(`d${from + i}`))
        )
        const { claimed } = yield* store.exchange({
          ...{ queue: "mail", worker: "w", settlements: [] },
          claim: { number: from + 1, limit: 1000, leaseMillis: 60_000 }
        })
        yield* store.exchange({
          ...{ queue: "mail", worker: "w" },
          settlements: claimed.map(({ id, token }) => ({
            ...{ _tag: "Bury" as const, jobId: id, token, reason: "skipped" as const, error: "no" }
          }))
        })
      }
    }).pipe(Effect.provide(Redis.layer({ url: redisUrl(), prefix })))
  )

const suite = noTmux === undefined ? describe : describe.skip

suite(`winter on a terminal${noTmux === undefined ? "" : ` (${noTmux})`}`, () => {
  let terminal: Terminal
  beforeEach(() => {
    terminal = new Terminal()
  })
  afterEach(() => terminal.close())

  it("tables have colours, and fit the terminal", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, 1)

    await terminal.start(["status", ...winter.place])
    const screen = await terminal.until(/ended with 0/)

    assert.include(screen, "\u001B[1mQUEUE")
    assert.include(screen, "\u001B[31m1\u001B")
  })

  it("top is alive, survives what happens, and leaves the screen as it was", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, 1)

    await terminal.start(["top", "--interval", "200ms", ...winter.place])
    await terminal.until(/winter top .* 0 pending .* 1 dead/)
    await winter.text("enqueue", "-k", "x", "-q", "mail")
    await terminal.until(/winter top .* 1 pending .*\n\nQUEUE .*\nmail +1 .* running/)
    await terminal.keys("q")
    const after = await terminal.until(/^ended with 0/)

    assert.notMatch(after, /winter top/)
  })

  it("top ends with Ctrl-C too", async () => {
    const winter = winterOn(redisUrl())

    await terminal.start(["top", ...winter.place])
    await terminal.until(/no queues/)
    await terminal.keys("C-c")

    await terminal.until(/^ended with (0|130)/)
  })

  it("a bulk purge asks for the count, and shows how far it is", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, 20_000)

    await terminal.start(["dlq", "purge", "-q", "mail", ...winter.place])
    await terminal.until(/purge from mail 20,000 dead jobs\? Type 20000 to go on/)
    await terminal.keys("20000", "Enter")
    await terminal.until(/purging mail \[#+-+\] +\d+% [\d,]+\/20,000|purged 20,000/)
    const screen = await terminal.until(/ended with 0/)

    assert.match(screen, /purged 20,000 dead jobs from mail/)
    assert.notMatch(screen, /purging mail \[/)
  })

  it("any other answer does nothing", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, 3)

    await terminal.start(["dlq", "purge", "-q", "mail", ...winter.place])
    await terminal.until(/Type 3 to go on/)
    await terminal.keys("2", "Enter")
    const screen = await terminal.until(/ended with 5/)
    const { jobs } = await winter.json("dlq", "list", "-q", "mail")

    assert.match(screen, /not confirmed; nothing was done/)
    assert.lengthOf(jobs, 3)
  })
})

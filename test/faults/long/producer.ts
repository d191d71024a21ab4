// A producer process of the long fault run: stores jobs of all sorts until it is told to stop, and writes down what it was
// answered.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Client, StoreError, Workflow, Workflows } from "winterq"
import * as Redis from "winterq/redis"
import { Deed } from "../support/Deed.ts"
import { type Entry, Ledger } from "../support/Ledger.ts"
import { Chore } from "./Chore.ts"
import type { Message, Place } from "./fleet.ts"
import { Random } from "./random.ts"

const place = JSON.parse(process.argv[2]!) as Place
const ledger = new Ledger(place.ledger)
const random = new Random(place.seed)
const stop = Deferred.makeUnsafe<void>()

process.on("message", (message: Message) => {
  if (message.tell === "stop") Deferred.doneUnsafe(stop, Effect.void)
})

let count = 0
const nextId = () => `${place.name}-${count++}`

/** Tries until it is answered, with one id; a producer that is stopped gives up after a while. */
const stored = <A extends { readonly outcome: string }, E, R>(
  op: Entry["op"],
  job: string,
  note: string,
  attempt: Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    for (let tries = 0; tries < 200; tries++) {
      ledger.add({ op, phase: "invoke", job, note })
      const answer = yield* Effect.exit(attempt)
      if (answer._tag === "Success") {
        ledger.add({ op, phase: "ok", job, note: answer.value.outcome })
        return
      }
      const reason = answer.cause.reasons.find((one) => one._tag === "Fail")?.error
      const isRefused = reason instanceof StoreError && reason.reason === "full"
      // refused before any effect, or unknown
      ledger.add({ op, phase: isRefused ? "fail" : "info", job, note: String(reason) })
      yield* Effect.sleep("200 millis")
    }
  })

type Does = (typeof Deed)["payload"]["Type"]
type Options = NonNullable<Parameters<typeof Client.enqueue<typeof Deed>>[2]>

const deed = (payload: Does, options: Options = {}) => {
  const id = nextId()
  return stored("enqueue", id, payload.does, Client.enqueue(Deed, payload, { ...options, id }))
}

const chore = (length: number) => {
  const id = nextId()
  return stored("enqueue", id, "chore", Client.enqueue(Chore, { padding: "x".repeat(length) }, { id }))
}

const step = () => Workflow.job(Deed, { does: random.pick(["end", "end", "wait", "fail once"] as const), millis: 50 })

const workflow = () => {
  const id = nextId()
  const started = random.chance(0.5)
    ? ([`chain`, Workflow.chain(step(), step(), step())] as const)
    : ([`chord`, Workflow.chord([step(), step(), step(), step()], step())] as const)
  return stored("workflow", id, started[0], Workflows.start(started[1] as Workflow.Workflow<unknown, unknown>, { id }))
}

const next = () => {
  const lot = random.next()
  if (lot < 0.35) return deed({ does: "end" })
  if (lot < 0.45) return chore(10)
  if (lot < 0.46) return chore(random.int(100_000, 400_000))
  if (lot < 0.6) return deed({ does: "wait", millis: random.int(10, 800) })
  if (lot < 0.68) return deed({ does: "fail once" })
  if (lot < 0.7) return deed({ does: "fail" }, { maxAttempts: 2 })
  if (lot < 0.75) return deed({ does: "snooze once", millis: random.int(10, 500) })
  if (lot < 0.83) return deed({ does: "end" }, { delay: `${random.int(10, 2000)} millis` })
  if (lot < 0.89) return deed({ does: "wait", millis: 100 }, { unique: { key: `key-${random.int(0, 9)}` } })
  if (lot < 0.94) return deed({ does: "progress" })
  if (lot < 0.994) return workflow()
  if (lot < 0.996) return deed({ does: "kill once" })
  if (lot < 0.998) return deed({ does: "end and kill once" })
  return deed({ does: "exit" }, { maxAttempts: 2 })
}

/** Stores jobs one beside the other, so that a slow one holds up nobody. */
const produce = Effect.gen(function* () {
  const running = new Set<Fiber.Fiber<unknown, unknown>>()
  while (!Deferred.isDoneUnsafe(stop)) {
    if (running.size < 200) {
      const fiber = yield* Effect.forkChild(next())
      running.add(fiber)
      fiber.addObserver(() => running.delete(fiber))
    }
    yield* Effect.sleep(place.pauseMillis)
  }
  yield* Effect.forEach([...running], Fiber.await, { discard: true })
  // the channel of messages would hold the process
  process.disconnect()
})

const layers = Layer.mergeAll(Client.layer, Workflows.layer).pipe(
  Layer.provide(Redis.layer({ url: place.url, timeout: "2 seconds" }))
)

NodeRuntime.runMain(
  produce.pipe(Effect.provide(layers), Effect.retry({ while: () => Effect.as(Effect.sleep("200 millis"), true) }))
)

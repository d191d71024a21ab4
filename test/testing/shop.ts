import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Backoff, Cancel, Client, Snooze, Task, Worker } from "winterq"

/** The app under test: a shop that greets its customers, charges them, and reminds them. */
export class MailboxFull extends Schema.TaggedError<MailboxFull>()("MailboxFull", { to: Schema.String }) {}

export class SendEmail extends Task.make("email.send", {
  payload: { to: Schema.String, subject: Schema.String, sendBy: Schema.optionalKey(Schema.Date) },
  success: Schema.Struct({ messageId: Schema.String }),
  error: MailboxFull,
  queue: "mail",
  maxAttempts: 21,
  timeout: "30 seconds",
  backoff: Backoff.exponential("1 minute").pipe(Backoff.jittered, Backoff.capped("12 hours"))
}) {}

export class Remind extends Task.make("customer.remind", {
  payload: { customer: Schema.String, left: Schema.Int }
}) {}

export class CallApi extends Task.make("api.call", {
  payload: { n: Schema.Int },
  rateLimit: { limit: 10, per: "1 minute", burst: 1 }
}) {}

/** What the app needs of the world: what arrives, and how often it fails before. */
export class Mailer extends Context.Service<
  Mailer,
  { readonly sent: Array<string>; readonly failures: Map<string, number> }
>()("test/testing/Mailer") {
  static readonly layer = Layer.sync(Mailer, () => ({ sent: [], failures: new Map() }))
}

const SendEmailLive = Worker.handler(SendEmail, ({ subject, to }, job) =>
  Effect.gen(function* () {
    const { failures, sent } = yield* Mailer
    if (to === "nobody") return yield* Effect.fail(new Cancel({ reason: "unsubscribed" }))
    if (to === "slow") yield* Effect.sleep("10 minutes")
    if (to === "holiday" && job.snoozes < 3) return yield* Effect.fail(Snooze.for("1 day"))
    if (job.attempt <= (failures.get(to) ?? 0)) return yield* Effect.fail(new MailboxFull({ to }))
    sent.push(`${to}: ${subject}`)
    return { messageId: `${to}/${job.attempt}` }
  })
)

const RemindLive = Worker.handler(Remind, ({ customer, left }) =>
  Effect.gen(function* () {
    yield* Client.enqueue(SendEmail, { to: customer, subject: `${left} left` })
    if (left > 1) yield* Client.enqueue(Remind, { customer, left: left - 1 }, { delay: "1 day" })
  })
)

const CallApiLive = Worker.handler(CallApi, ({ n }) =>
  Effect.flatMap(Mailer, ({ sent }) => Effect.sync(() => sent.push(`${n}`)))
)

export const signUp = (customer: string) =>
  Effect.gen(function* () {
    const mail = { to: customer, subject: "Welcome" }
    const handle = yield* Client.enqueue(SendEmail, mail, { priority: 1, tags: ["welcome"], unique: { key: customer } })
    yield* Client.enqueue(Remind, { customer, left: 3 }, { delay: "1 day" })
    return handle
  })

export const App = Worker.layer({ tasks: [SendEmail, Remind, CallApi], log: false }).pipe(
  Layer.provide(Layer.mergeAll(SendEmailLive, RemindLive, CallApiLive)),
  Layer.provideMerge(Layer.mergeAll(Client.layer, Mailer.layer))
)

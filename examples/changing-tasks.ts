// Changing a task while jobs of its old form wait: a new field, another form of payload, a new name, and a mistake that
// is put right. "Yesterday" is the code that was deployed before; only what it has stored is left of it.
//
//   node -C winterq-source examples/changing-tasks.ts
import { Console, Effect, Layer, References, Schema } from "effect"
import { Client, DeadLetters, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

// a `success` has results kept; that goes with the job from its enqueue on, as its attempts and priority do
const success = Schema.String
const Yesterday = {
  SendEmail: Task.make("email.send", { payload: { to: Schema.String }, success }),
  Invite: Task.make("invite", { payload: { guest: Schema.String }, success }),
  Welcome: Task.make("welcome", { payload: { user: Schema.String }, success })
}

// A new field: jobs without it get the default when they are decoded. Whoever enqueues has to give it.
class SendEmail extends Task.make("email.send", {
  payload: { to: Schema.String, locale: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("en"))) },
  success
}) {}

// Another form: one schema per version, the newest first, since an older one may fit a newer payload and drop the rest.
const InviteV1 = Schema.Struct({ guest: Schema.String })
const InviteV2 = Schema.Struct({ version: Schema.Literal(2), guests: Schema.Array(Schema.String) })
class Invite extends Task.make("invite", { payload: Schema.Union([InviteV2, InviteV1]), success }) {}

// A new name: the worker has a handler for both until nothing is stored under the old one.
const welcome = { payload: { user: Schema.String }, success }
class WelcomeUser extends Task.make("user.welcome", welcome) {}
class OldWelcomeUser extends Task.make("welcome", welcome) {}

// A mistake: a field that stored jobs do not have, and no default.
const Mistake = Task.make("email.send", { payload: { to: Schema.String, locale: Schema.String } })

const greet = ({ user }: { readonly user: string }) => Effect.succeed(`welcomed ${user}`)

const Handlers = Layer.mergeAll(
  Worker.handler(SendEmail, ({ locale, to }) => Effect.succeed(`mailed ${to} in ${locale}`)),
  Worker.handler(Invite, (payload) =>
    Effect.succeed(`invited ${("version" in payload ? payload.guests : [payload.guest]).join(" and ")}`)
  ),
  Worker.handler(WelcomeUser, greet),
  Worker.handler(OldWelcomeUser, greet)
)

const MistakenWorker = Worker.layer({ tasks: [Mistake] }).pipe(
  Layer.provide(Worker.handler(Mistake, () => Effect.void))
)

const NewWorker = Worker.layer({ tasks: [SendEmail, Invite, WelcomeUser, OldWelcomeUser] }).pipe(
  Layer.provide(Handlers)
)

const program = Effect.gen(function* () {
  // what yesterday's producers have stored
  const mail = yield* Client.enqueue(Yesterday.SendEmail, { to: "ada" })

  const error = yield* Effect.flip(Client.awaitResult(mail)).pipe(Effect.provide(MistakenWorker))
  if (error._tag === "JobDead") {
    yield* Console.log(`${error.reason}: ${error.error.replaceAll(/\s+/g, " ")}`)
  }
  const [letter] = (yield* DeadLetters.list("default")).jobs
  yield* Console.log(`attempts: ${letter?.attempt} of ${letter?.maxAttempts}`)

  const invitation = yield* Client.enqueue(Yesterday.Invite, { guest: "ada" })
  const greeting = yield* Client.enqueue(Yesterday.Welcome, { user: "ada" })

  yield* Effect.gen(function* () {
    const { done } = yield* DeadLetters.redriveWhere("default", { kind: "email.send", reason: "undecodable" })
    yield* Console.log(`redriven: ${done}`)

    yield* Console.log(yield* Client.awaitResult(mail))
    yield* Console.log(yield* Client.awaitResult(invitation))
    yield* Console.log(yield* Client.awaitResult(greeting))

    const more = yield* Effect.all([
      Client.enqueue(SendEmail, { to: "bob", locale: "de" }).pipe(Effect.flatMap(Client.awaitResult)),
      Client.enqueue(Invite, { version: 2, guests: ["bob", "eve"] }).pipe(Effect.flatMap(Client.awaitResult)),
      Client.enqueue(WelcomeUser, { user: "bob" }).pipe(Effect.flatMap(Client.awaitResult))
    ])
    for (const line of more) yield* Console.log(line)
  }).pipe(Effect.provide(NewWorker))
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer))),
    // the worker warns of the job that dies
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)

// Output:
// undecodable: the payload cannot be decoded: SchemaError: Missing key at ["locale"]
// attempts: 1 of 20
// redriven: 1
// mailed ada in en
// invited ada
// welcomed ada
// mailed bob in de
// invited bob and eve
// welcomed bob

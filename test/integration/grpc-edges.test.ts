import { mkdtemp, readFile, rm } from "node:fs/promises"
import * as http2 from "node:http2"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as protoLoader from "@grpc/proto-loader"
import { service as healthService } from "grpc-health-check"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"
import { QueueService } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { GrpcServer } from "../../src/grpc/index.ts"
import { JobStore } from "../../src/ports/JobStore.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { freshRedis } from "../support/fresh-redis.ts"
import { backends, type CallFailed, connect, healthOf, json, serve, until } from "../support/grpc.ts"
import { tcpProxy } from "../support/TcpProxy.ts"
import { makeCertificates } from "../support/tls.ts"

const { method } = QueueService

const token = "correct horse battery staple"
const tokens = [Redacted.make("another"), Redacted.make(token)]

const codeOf = <A>(call: Effect.Effect<A, CallFailed>) =>
  Effect.map(Effect.flip(Effect.asVoid(call)), ({ code }) => code)

const metadata = (authorization: string) => ({ metadata: { authorization } })

/** What a server says of itself when asked like grpcurl does. */
const servicesOf = (address: string) =>
  Effect.callback<ReadonlyArray<string>, Error>((resume) => {
    const loaded = grpc.loadPackageDefinition(
      protoLoader.loadSync("reflection.proto", {
        includeDirs: [join(import.meta.dirname, "grpc")],
        keepCase: true
      })
    ) as any
    const client = new loaded.grpc.reflection.v1alpha.ServerReflection(address, grpc.credentials.createInsecure())
    const call = client.ServerReflectionInfo()
    const answers: Array<string> = []
    call.on("data", (answer: any) => {
      for (const { name } of answer.list_services_response?.service ?? []) answers.push(name)
      for (const file of answer.file_descriptor_response?.file_descriptor_proto ?? [])
        answers.push(`${file.length > 2000}`)
      if (answer.file_descriptor_response !== null || answer.error_response !== null) call.end()
    })
    call.on("error", (error: Error) => resume(Effect.fail(error)))
    call.on("end", () => {
      client.close()
      resume(Effect.succeed(answers))
    })
    call.write({ list_services: "" })
    call.write({ file_containing_symbol: "winter.v1.QueueService" })
  })

const certificates = Effect.acquireRelease(
  Effect.promise(async () => {
    const dir = await mkdtemp(join(tmpdir(), "winterq-tls-"))
    const ca = await makeCertificates(dir)
    const [cert, key] = await Promise.all(["server.crt", "server.key"].map((name) => readFile(join(dir, name))))
    return { dir, ca, cert: cert!, key: key! }
  }),
  ({ dir }) => Effect.promise(() => rm(dir, { recursive: true }))
)

describe("a gRPC server's door", () => {
  it.live("lets in who has a token, and nobody else", () =>
    Effect.gen(function* () {
      const { address } = yield* serve(Memory.layer, { tokens })
      const client = yield* connect(address)

      const ok = yield* client.enqueue({}, metadata(`Bearer ${token}`))
      const refused = yield* Effect.forEach(
        ["", "Bearer", "Bearer wrong", `Basic ${token}`, `Bearer ${token}x`],
        (one) => codeOf(client.enqueue({}, one === "" ? {} : metadata(one)))
      )
      const health = yield* healthOf(client.client, "")
      const depths = yield* Effect.flip(servicesOf(address))

      assert.isNotEmpty(ok.jobId)
      assert.deepStrictEqual(refused, Array(5).fill("UNAUTHENTICATED"))
      assert.strictEqual(health, "SERVING")
      assert.include(depths.message, "UNAUTHENTICATED")
    }).pipe(Effect.scoped)
  )

  it.live("speaks TLS alone when it has a certificate", () =>
    Effect.gen(function* () {
      const { ca, cert, key } = yield* certificates
      const { address } = yield* serve(Memory.layer, { tls: { cert, key } })
      const secure = yield* connect(address, grpc.credentials.createSsl(ca))
      const plain = yield* connect(address)
      const distrustful = yield* connect(address, grpc.credentials.createSsl())

      const ok = yield* secure.enqueue({})
      const refused = yield* Effect.forEach([plain, distrustful], (client) =>
        codeOf(client.enqueue({}, { deadlineMillis: 2000 }))
      )
      const again = yield* secure.enqueue({})

      assert.notStrictEqual(ok.jobId, again.jobId)
      assert.isTrue(refused.every((code) => code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED"))
    }).pipe(Effect.scoped)
  )

  it.live("lets in clients with a certificate of the right authority alone", () =>
    Effect.gen(function* () {
      const own = yield* certificates
      const foreign = yield* certificates
      const { address } = yield* serve(Memory.layer, { tls: { cert: own.cert, key: own.key, clientCa: own.ca } })
      const known = yield* connect(address, grpc.credentials.createSsl(own.ca, own.key, own.cert))
      const without = yield* connect(address, grpc.credentials.createSsl(own.ca))
      const stranger = yield* connect(address, grpc.credentials.createSsl(own.ca, foreign.key, foreign.cert))

      const ok = yield* known.enqueue({})
      const refused = yield* Effect.forEach([without, stranger], (client) =>
        codeOf(client.enqueue({}, { deadlineMillis: 2000 }))
      )

      assert.isNotEmpty(ok.jobId)
      assert.isTrue(refused.every((code) => code === "UNAVAILABLE" || code === "DEADLINE_EXCEEDED"))
    }).pipe(Effect.scoped)
  )

  it.live("does not open with options that make no sense", () =>
    Effect.gen(function* () {
      const { address } = yield* serve(Memory.layer)
      const port = Number(address.split(":").at(-1))
      const problems = yield* Effect.forEach(
        [
          { tokens: [] },
          { tokens: [Redacted.make(" ")] },
          { port: 70_000 },
          { maxMessageBytes: 0 },
          { queues: ["no spaces"] },
          { leaseDuration: 1 },
          { port },
          { port: 0, tls: { cert: "none", key: "none" } }
        ],
        (options) =>
          Effect.map(
            Effect.flip(Effect.scoped(Layer.build(GrpcServer.layer(options).pipe(Layer.provide(Memory.layer))))),
            ({ _tag }) => _tag
          )
      )

      assert.deepStrictEqual(problems, [...Array(6).fill("InvalidInput"), "ListenError", "ListenError"])
    }).pipe(Effect.scoped)
  )

  it.live("warns when everybody can reach it and nobody is asked for a token", () =>
    Effect.gen(function* () {
      const warned = Effect.fnUntraced(function* (options: object) {
        const { log } = yield* serve(Memory.layer, { host: "0.0.0.0", ...options })
        return log.filter(({ level }) => level === "Warn").map(({ text }) => text.split(" ")[0])
      }, Effect.scoped)

      const seen = [yield* warned({}), yield* warned({ tokens }), yield* warned({ host: "127.0.0.1" })]

      assert.deepStrictEqual(seen, [["anybody"], ["tokens"], []])
    })
  )
})

describe("a gRPC server", () => {
  it.live("is listed by a reflection client, and tells its health", () =>
    Effect.gen(function* () {
      const { address } = yield* serve(Memory.layer)
      const { client } = yield* connect(address)

      const listed = yield* servicesOf(address)
      const health = yield* Effect.forEach(["", QueueService.typeName, "nobody"], (name) => healthOf(client, name))

      assert.includeMembers([...listed], ["winter.v1.QueueService", "grpc.health.v1.Health", "true"])
      assert.deepStrictEqual(health, ["SERVING", "SERVING", "NOT_FOUND"])
    }).pipe(Effect.scoped)
  )

  it.live("answers a message over the limit, and an unknown method, and goes on", () =>
    Effect.gen(function* () {
      const { address } = yield* serve(Memory.layer)
      const client = yield* connect(address, grpc.credentials.createInsecure(), { "grpc.max_send_message_length": -1 })

      const big = yield* codeOf(client.enqueue({ payload: new Uint8Array(100 * 1024 * 1024) }))
      const unknown = yield* codeOf(client.call({ ...method.ack, name: "Unknown" }, {}))
      const { jobId } = yield* client.enqueue({})

      assert.deepStrictEqual([big, unknown], ["RESOURCE_EXHAUSTED", "UNIMPLEMENTED"])
      assert.isNotEmpty(jobId)
    }).pipe(Effect.scoped)
  )

  it.live("logs every call once, also one that is refused or hits a bug, and tells the client nothing of the bug", () =>
    Effect.gen(function* () {
      const broken = Layer.effect(
        JobStore,
        Effect.map(JobStore, (store) => ({ ...store, get: () => Effect.die(new Error("secret at 10.0.0.7")) }))
      )
      const { address, log } = yield* serve(broken.pipe(Layer.provideMerge(Memory.layer)), { tokens })
      const client = yield* connect(address)

      yield* client.enqueue({}, metadata(`bearer ${token}`))
      yield* codeOf(client.enqueue({ kind: "" }, metadata(`bearer ${token}`)))
      yield* codeOf(client.enqueue({}))
      const about = { jobId: "a", queue: "q", workerId: "w" }
      const error = yield* Effect.flip(client.call(method.ack, about, metadata(`bearer ${token}`)))
      yield* codeOf(client.dequeue({ queue: "q" }, { ...metadata(`bearer ${token}`), deadlineMillis: 100 }))
      const lines = yield* until(
        Effect.sync(() => log.filter(({ message }) => message[0] === "grpc")),
        (lines) => lines.length === 5
      )

      assert.deepInclude(error, { code: "INTERNAL", details: "ack: internal error" })
      assert.deepStrictEqual(
        lines.map(({ annotations, level }) => [
          level,
          String(annotations["method"]).split("/")[2],
          annotations["code"]
        ]),
        [
          ["Info", "Enqueue", "OK"],
          ["Warn", "Enqueue", "INVALID_ARGUMENT"],
          ["Warn", "Enqueue", "UNAUTHENTICATED"],
          ["Error", "Ack", "INTERNAL"],
          // whose clock is first, decides between the two
          ["Warn", "Dequeue", lines[4]?.annotations["code"] === "CANCELLED" ? "CANCELLED" : "DEADLINE_EXCEEDED"]
        ]
      )
      assert.isTrue(lines.every(({ annotations }) => typeof annotations["duration_ms"] === "number"))
      assert.include(lines[3]!.text, "secret")
      assert.include(lines[3]!.text, "Cause([Die")
      // of what a client did wrong there is nothing to trace
      assert.include(lines[1]!.text, "kind")
      assert.notInclude(lines[1]!.text, "Cause([Fail")
    }).pipe(Effect.scoped)
  )

  it.live("bounds how long a call waits", () =>
    Effect.gen(function* () {
      const { address } = yield* serve(Memory.layer, { maxDeadline: "200 millis" })
      const client = yield* connect(address)

      const since = performance.now()
      const { job } = yield* client.dequeue({ queue: "q", timeoutMs: 3_600_000n })

      assert.isUndefined(job)
      assert.isBelow(performance.now() - since, 5000)
    }).pipe(Effect.scoped)
  )

  it.live("stops in time: waiting calls end at once, others are cut off after the drain", () =>
    Effect.gen(function* () {
      const stuck = Layer.effect(
        QueueControl,
        Effect.map(QueueControl, (control) => ({ ...control, pause: () => Effect.never }))
      )
      const scope = yield* Scope.make()
      const { address } = yield* Scope.provide(
        serve(stuck.pipe(Layer.provideMerge(Memory.layer)), { drain: "300 millis" }),
        scope
      )
      const client = yield* connect(address)
      yield* client.enqueue({ queue: "other" })
      const waiting = yield* Effect.forkChild(client.dequeue({ queue: "q", timeoutMs: 60_000n }), {
        startImmediately: true
      })
      const pausing = yield* Effect.forkChild(codeOf(client.call(method.pause, { queue: "q" })), {
        startImmediately: true
      })
      yield* client.stats("q")

      const since = performance.now()
      yield* Scope.close(scope, Exit.void)
      const millis = performance.now() - since
      const { job } = yield* Fiber.join(waiting)
      const code = yield* Fiber.join(pausing)

      assert.isUndefined(job)
      assert.include(["UNAVAILABLE", "CANCELLED"], code)
      assert.isAtLeast(millis, 290)
      assert.isBelow(millis, 4000)
    }).pipe(Effect.scoped)
  )

  it.live("stops in good order when a signal interrupts its program: waiting calls are answered, others go on", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make(false)
      const slow = Layer.effect(
        QueueControl,
        Effect.map(QueueControl, (control) => ({
          ...control,
          pause: (queue: string) => Effect.andThen(gate.await, control.pause(queue))
        }))
      )
      const served = yield* Deferred.make<string>()
      // as a runner does on SIGTERM: the fiber that holds the server is interrupted, and finalizers run in it
      const program = yield* serve(slow.pipe(Layer.provideMerge(Memory.layer)), { drain: "30 seconds" }).pipe(
        Effect.tap(({ address }) => Deferred.succeed(served, address)),
        Effect.andThen(Effect.never),
        Effect.scoped,
        Effect.forkChild
      )
      const client = yield* connect(yield* Deferred.await(served))
      yield* client.enqueue({ queue: "other" })
      const waiting = yield* Effect.forkChild(client.dequeue({ queue: "q", timeoutMs: 60_000n }), {
        startImmediately: true
      })
      const pausing = yield* Effect.forkChild(client.call(method.pause, { queue: "q" }), { startImmediately: true })
      yield* client.stats("q")

      const ending = yield* Effect.forkChild(Fiber.interrupt(program), { startImmediately: true })
      const { job } = yield* Fiber.join(waiting)
      yield* gate.open
      const paused = yield* Effect.exit(Fiber.join(pausing))
      yield* Fiber.join(ending)

      assert.isUndefined(job)
      assert.isTrue(Exit.isSuccess(paused))
    }).pipe(Effect.scoped)
  )

  it.live("tells who watches its health that it stops, and does not wait for them", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { address } = yield* Scope.provide(serve(Memory.layer, { drain: "30 seconds" }), scope)
      const { client } = yield* connect(address)
      const { path, requestSerialize, responseDeserialize } = healthService["Watch"]!
      const seen: Array<unknown> = []
      const watching = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" })
      watching.on("data", ({ status }) => seen.push(status)).on("error", () => undefined)
      yield* until(
        Effect.sync(() => seen.length),
        (count) => count === 1
      )

      const since = performance.now()
      yield* Scope.close(scope, Exit.void)

      assert.deepStrictEqual(seen, ["SERVING", "NOT_SERVING"])
      assert.isBelow(performance.now() - since, 5000)
    }).pipe(Effect.scoped)
  )

  it.live("answers while the store is away, and loses no job of that time", () =>
    Effect.gen(function* () {
      const redis = yield* freshRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] })
      const { address } = yield* serve(Redis.layer({ url: redis.url, timeout: "2 seconds" }))
      const client = yield* connect(address)
      yield* client.enqueue({ queue: "q", jobId: "a" })

      yield* Effect.promise(() => redis.kill())
      const down = yield* Effect.flip(client.enqueue({ queue: "q" }))
      const none = yield* Effect.flip(client.dequeue({ queue: "q" }))
      yield* Effect.promise(() => redis.start())
      // whatever became of the claim that had no answer, the job is there for another
      const { job } = yield* until(
        client.dequeue({ queue: "q", workerId: "other" }).pipe(Effect.orElseSucceed(() => ({ job: undefined }))),
        ({ job }) => job !== undefined
      )

      assert.deepInclude(down, { code: "INTERNAL", details: "enqueue: the store is unavailable" })
      assert.deepStrictEqual(down.metadata.get("winter-retryable"), ["true"])
      assert.deepInclude(none, { code: "INTERNAL", details: "dequeue: the store is unavailable" })
      assert.deepInclude(job, { id: "a", attempt: 0 })
    }).pipe(Effect.scoped)
  )
})

/** Sends a Dequeue over a connection of its own, and breaks the connection off at some moment. */
const breakOff = (address: string, queue: string, when: (session: http2.ClientHttp2Session) => Promise<void>) =>
  Effect.promise(async () => {
    const session = http2.connect(`http://${address}`)
    session.on("error", () => undefined)
    const stream = session.request({
      ":method": "POST",
      ":path": "/winter.v1.QueueService/Dequeue",
      "content-type": "application/grpc",
      te: "trailers"
    })
    stream.on("error", () => undefined)
    const message = Buffer.concat([Buffer.from([0x0a, queue.length]), Buffer.from(queue), Buffer.from([0x12, 1, 0x77])])
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([head, message]))
    await when(session)
    session.socket?.resetAndDestroy()
    session.destroy()
  })

const aMoment = (millis: number) => () => new Promise<void>((resolve) => setTimeout(resolve, millis))

for (const [backend, layer] of backends) {
  describe(`clients that vanish, on ${backend}`, () => {
    it.live("a cancelled dequeue claims nothing any more", () =>
      Effect.gen(function* () {
        const { address } = yield* serve(layer())
        const client = yield* connect(address)
        const gone = yield* Effect.forkChild(client.dequeue({ queue: "q", timeoutMs: 60_000n }), {
          startImmediately: true
        })
        yield* client.stats("q")

        yield* Fiber.interrupt(gone)
        yield* client.stats("q")
        yield* client.enqueue({ queue: "q" })
        const stats = yield* client.stats("q")

        assert.deepInclude(stats, { ready: 1n, active: 0n })
      }).pipe(Effect.scoped)
    )

    it.live("a claim whose client is gone before the answer is given back, and no attempt counts", () =>
      Effect.gen(function* () {
        let claimed = () => {}
        let goOn = () => {}
        const isClaimed = new Promise<void>((resolve) => (claimed = resolve))
        const mayGoOn = new Promise<void>((resolve) => (goOn = resolve))
        const slow = Layer.effect(
          JobStore,
          Effect.map(JobStore, (store) => ({
            ...store,
            exchange: (request: Parameters<typeof store.exchange>[0]) =>
              Effect.tap(store.exchange(request), ({ claimed: jobs }) =>
                jobs.length === 0
                  ? Effect.void
                  : Effect.andThen(
                      Effect.sync(claimed),
                      Effect.promise(() => mayGoOn)
                    )
              )
          }))
        )
        const { address, services } = yield* serve(slow.pipe(Layer.provideMerge(layer())))
        const client = yield* connect(address)
        yield* client.enqueue({ queue: "q", jobId: "a" })

        yield* breakOff(address, "q", () => isClaimed)
        yield* Effect.promise(aMoment(100))
        goOn()
        const stats = yield* until(client.stats("q"), ({ ready }) => ready === 1n)
        const job = yield* client.getJob("a")
        const counters = yield* Context.get(services, QueueControl).counters("q")

        assert.deepInclude(stats, { active: 0n })
        assert.deepInclude(job, { state: "pending", attempt: 0 })
        assert.deepInclude(counters, { claimed: 1, released: 1, rescued: 0 })
      }).pipe(Effect.scoped)
    )

    it.live("an answer that never reaches its client costs no attempt either", () =>
      Effect.gen(function* () {
        const { address, log, services } = yield* serve(layer())
        const client = yield* connect(address)
        const { port } = new URL(`http://${address}`)
        const proxy = yield* tcpProxy(Number(port))
        const control = Context.get(services, QueueControl)

        // frozen while it waits, so that the answer stays on its way and nothing tells that it arrived
        yield* breakOff(new URL(proxy.url).host, "q", async () => {
          await Effect.runPromise(
            until(
              Effect.sync(() => log.length),
              () => proxy.freeze((said) => said.includes("\n\u0001q\u0012\u0001w")) > 0
            ).pipe(
              Effect.andThen(client.enqueue({ queue: "q", jobId: "a" })),
              Effect.andThen(until(control.depths("q"), ({ active }) => active === 1))
            )
          )
        })
        yield* until(client.stats("q"), ({ ready }) => ready === 1n)
        const job = yield* client.getJob("a")

        assert.deepInclude(job, { state: "pending", attempt: 0 })
      }).pipe(Effect.scoped)
    )

    it.live("a thousand connections cut off abruptly leave it healthy and every job accounted for", () =>
      Effect.gen(function* () {
        const { address, services } = yield* serve(layer(), { leaseDuration: "2 seconds", logCalls: "failures" })
        const client = yield* connect(address)
        const jobs = Array.from({ length: 500 }, (_, n) => ({ kind: "k", payload: json("1"), jobId: String(n) }))
        yield* client.call(method.enqueueBatch, { queue: "q", jobs })

        yield* Effect.forEach(Array(1000).keys(), (n) => breakOff(address, "q", aMoment(n % 300)), { concurrency: 50 })
        const health = yield* healthOf(client.client, "")
        const stats = yield* until(client.stats("q"), ({ active, ready }) => ready === 500n && active === 0n)
        const taken: Array<string> = []
        for (let n = 0; n < 5; n++) {
          const batch = yield* client.call(method.dequeueBatch, {
            ...{ queue: "q", workerId: "v", maxJobs: 100 },
            leaseMs: 60_000n
          })
          for (const job of batch.jobs) {
            taken.push(job.id)
            yield* client.call(method.ack, { jobId: job.id, queue: "q", workerId: "v", token: job.token })
          }
        }
        const counters = yield* Context.get(services, QueueControl).counters("q")

        assert.strictEqual(health, "SERVING")
        assert.strictEqual(stats.dead, 0n)
        assert.sameMembers(
          taken,
          jobs.map(({ jobId }) => jobId)
        )
        assert.deepInclude(counters, { enqueued: 500, completed: 500, died: 0 })
        console.log(`given back at once: ${counters.released}, after their lease: ${counters.rescued}`)
      }).pipe(Effect.scoped)
    )
  })
}

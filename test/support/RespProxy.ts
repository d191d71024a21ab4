import { createHash } from "node:crypto"
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"
import { setImmediate, setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { scripts } from "../../src/backends/redis/scripts/index.ts"
import { isPush, RespFrames, wordsOf } from "./resp-frames.ts"

export type ScriptName = keyof typeof scripts

const scriptBySha = new Map<string, ScriptName>(
  Object.entries(scripts).map(([name, { sha1 }]) => [sha1, name as ScriptName])
)

/** One command on its way through the proxy. */
export interface Call {
  readonly connection: number
  /** In capitals. */
  readonly name: string
  readonly args: ReadonlyArray<string>
  /** Which of the scripts it runs, by sha or by source. */
  readonly script: ScriptName | undefined
}

/**
 * What becomes of a request or a reply: it goes on; it vanishes, and the connection with it; or it vanishes, and the
 * connection says nothing more (`mute`).
 */
export type Fate = "pass" | "cut" | "mute"

/** What happens to the calls that match. Both functions may wait, and hold up what follows on the connection. */
export interface Rule {
  readonly matches: (call: Call) => boolean
  /** How many calls it applies to; one when left out. */
  readonly times?: number
  /** Before the request goes to the server. */
  readonly request?: (call: Call) => Fate | Promise<Fate>
  /** When the reply is there, and before the client gets it. */
  readonly reply?: (call: Call, reply: Buffer) => Fate | Promise<Fate>
}

/** How bytes travel, for all connections. */
export interface Weather {
  /** Milliseconds that each direction takes longer. */
  readonly delay?: () => number
  /** Bytes written at a time. */
  readonly slice?: number
  readonly bytesPerSecond?: number
}

interface Link {
  readonly number: number
  readonly outer: Socket
  readonly inner: Socket
  /** What was sent to the server and has no reply yet, with the rule that waits for it. */
  readonly unanswered: Array<{ readonly call: Call; readonly rule: Rule | undefined }>
  muted: boolean
  cut: boolean
}

const callOf = (frame: Buffer, connection: number): Call => {
  const [word = "", ...args] = wordsOf(frame)
  const name = word.toUpperCase()
  const sha =
    name === "EVALSHA" ? args[0] : name === "EVAL" ? createHash("sha1").update(args[0]!).digest("hex") : undefined
  return { connection, name, args, script: sha === undefined ? undefined : scriptBySha.get(sha) }
}

/** Replies that a command gets; a subscription gets one per channel. */
const repliesTo = ({ args, name }: Call): number => (/^P?(UN)?SUBSCRIBE$/.test(name) ? Math.max(1, args.length) : 1)

/**
 * Stands between clients and a Redis, and understands what they say: it can run a command and lose its reply, hold a
 * request back until after it was sent again, and go silent without closing anything.
 */
export class RespProxy {
  /** Where connections lead from now on. */
  target: number
  weather: Weather = {}
  /** Whether new connections are taken; otherwise they are closed at once. */
  open = true
  /** Whether bytes move at all, on new connections too. */
  frozen = false
  readonly calls = new Map<string, number>()
  private readonly server: Server
  private readonly links = new Set<Link>()
  private rules: Array<{ readonly rule: Rule; left: number }> = []
  private connections = 0

  private constructor(server: Server, target: number) {
    this.server = server
    this.target = target
  }

  static async listen(target: number): Promise<RespProxy> {
    const server = createServer((outer) => proxy.accept(outer))
    const proxy: RespProxy = new RespProxy(server, target)
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    return proxy
  }

  get url(): string {
    const address = this.server.address()
    if (address === null || typeof address === "string") throw new Error("the proxy is closed")
    return `redis://127.0.0.1:${address.port}`
  }

  get connected(): number {
    return this.links.size
  }

  /** Adds a rule; answers a function that takes it away. The first rule that matches a call applies. */
  when(rule: Rule): () => void {
    const entry = { rule, left: rule.times ?? 1 }
    this.rules.push(entry)
    return () => {
      this.rules = this.rules.filter((other) => other !== entry)
    }
  }

  clear(): void {
    this.rules = []
    this.weather = {}
    this.open = true
    this.frozen = false
  }

  /** Breaks every connection there is with a reset. */
  cutAll(): void {
    for (const link of this.links) this.cut(link)
  }

  /** Closes a connection towards its client. What the client has sent arrives all the same. */
  hangUp(connection: number): void {
    for (const { number, outer } of this.links) if (number === connection) outer.destroy()
  }

  /** Goes silent on every connection there is, without closing it; answers how many. New ones work. */
  muteAll(): number {
    for (const link of this.links) link.muted = true
    return this.links.size
  }

  close(): void {
    for (const { inner, outer } of this.links) {
      inner.destroy()
      outer.destroy()
    }
    this.server.close()
  }

  private cut(link: Link): void {
    link.cut = true
    link.outer.resetAndDestroy()
    link.inner.destroy()
  }

  private ruleFor(call: Call): Rule | undefined {
    const entry = this.rules.find(({ left, rule }) => left > 0 && rule.matches(call))
    if (entry === undefined) return undefined
    entry.left--
    return entry.rule
  }

  private async write(link: Link, socket: Socket, bytes: Buffer): Promise<void> {
    const { bytesPerSecond, slice } = this.weather
    const size = slice ?? (bytesPerSecond === undefined ? bytes.length : 65_536)
    for (let at = 0; at < bytes.length; at += size) {
      if (link.muted || socket.destroyed) return
      const part = bytes.subarray(at, at + size)
      socket.write(part)
      if (slice !== undefined) await setImmediate()
      if (bytesPerSecond !== undefined) await setTimeout((1000 * part.length) / bytesPerSecond)
    }
  }

  private async request(link: Link, frame: Buffer): Promise<void> {
    const call = callOf(frame, link.number)
    const name = call.script ?? call.name
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1)
    const rule = this.ruleFor(call)
    const fate = (await rule?.request?.(call)) ?? "pass"
    if (fate === "cut") return this.cut(link)
    if (fate === "mute") link.muted = true
    if (this.frozen) link.muted = true
    if (link.muted) return
    for (let i = repliesTo(call); i > 0; i--) link.unanswered.push({ call, rule })
    await this.write(link, link.inner, frame)
  }

  private async reply(link: Link, frame: Buffer): Promise<void> {
    const asked = isPush(frame) ? undefined : link.unanswered.shift()
    const fate = asked === undefined ? "pass" : ((await asked.rule?.reply?.(asked.call, frame)) ?? "pass")
    if (fate === "cut") return this.cut(link)
    if (fate === "mute") link.muted = true
    if (this.frozen) link.muted = true
    if (!link.muted) await this.write(link, link.outer, frame)
  }

  private accept(outer: Socket): void {
    outer.on("error", () => undefined)
    if (!this.open) {
      outer.resetAndDestroy()
      return
    }
    outer.setNoDelay(true)
    const inner = connect(this.target, "127.0.0.1").setNoDelay(true)
    inner.on("error", () => undefined)
    const link: Link = { number: ++this.connections, outer, inner, unanswered: [], muted: false, cut: false }
    this.links.add(link)

    const pump = (from: Socket, act: (frame: Buffer) => Promise<void>) => {
      const frames = new RespFrames()
      let last: Promise<void> = Promise.resolve()
      from.on("data", (chunk: Buffer) => {
        // all that comes together is late by as much, and nothing overtakes
        const due = performance.now() + (this.weather.delay?.() ?? 0)
        for (const frame of frames.push(chunk)) {
          last = last
            .then(() => (due > performance.now() ? setTimeout(due - performance.now()) : undefined))
            .then(() => (link.cut ? undefined : act(frame)))
            .catch(() => this.cut(link))
        }
      })
      return () => last
    }
    const requested = pump(outer, (frame) => this.request(link, frame))
    const replied = pump(inner, (frame) => this.reply(link, frame))
    outer.on("close", () => {
      // what is on its way arrives all the same, as it does in a network
      void requested().then(() => (link.muted ? inner.destroy() : inner.end()))
    })
    inner.on("close", () => {
      this.links.delete(link)
      void replied().then(() => {
        if (!link.muted) outer.end()
      })
    })
  }
}

/** A proxy to a port of this machine, closed with the scope. */
export const respProxy = (target: number): Effect.Effect<RespProxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => RespProxy.listen(target)),
    (proxy) => Effect.sync(() => proxy.close())
  )

export const runs =
  (script: ScriptName) =>
  (call: Call): boolean =>
    call.script === script

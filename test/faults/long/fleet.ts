import { type ChildProcess, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { RespProxy } from "../../support/RespProxy.ts"

/** Short, so that much expires in a run. */
export const leaseMillis = 2000

/** What a process of the run is told at its start. */
export interface Place {
  readonly name: string
  readonly url: string
  readonly ledger: string
  readonly seed: number
  readonly pauseMillis: number
}

/** What a process of the run is told later. */
export type Message =
  | { readonly tell: "stop" }
  | { readonly tell: "block"; readonly millis: number }
  | { readonly tell: "shift"; readonly millis: number }

/** A process that is started again whenever it ends, until it is let go. */
export class Member {
  readonly kind: "worker" | "producer"
  readonly proxy: RespProxy
  /** Ends that neither the plan nor a job asked for. */
  readonly accidents: Array<string> = []
  deaths = 0
  private readonly place: Omit<Place, "name" | "seed">
  private readonly name: string
  private readonly seed: number
  private child: ChildProcess | undefined
  private generation = 0
  private kept = true
  private stopped = false

  constructor(
    kind: Member["kind"],
    name: string,
    seed: number,
    proxy: RespProxy,
    place: Omit<Place, "name" | "seed" | "url">
  ) {
    this.kind = kind
    this.name = name
    this.seed = seed
    this.proxy = proxy
    this.place = { url: proxy.url, ...place }
    this.start()
  }

  /** Sends a signal; one that has been stopped goes on by itself with SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.stopped = name === "SIGSTOP"
    this.child?.kill(name)
  }

  tell(message: Message): void {
    if (this.child?.connected === true) this.child.send(message, () => undefined)
  }

  get isOver(): boolean {
    return this.child === undefined
  }

  /** Not started again from now on. */
  letGo(): void {
    this.kept = false
  }

  kill(): void {
    this.letGo()
    this.child?.kill("SIGCONT")
    this.child?.kill("SIGKILL")
  }

  private start(): void {
    const generation = ++this.generation
    const place: Place = { ...this.place, name: `${this.name}.${generation}`, seed: this.seed + generation }
    const child = spawn(
      process.execPath,
      ["-C", "winterq-source", `${import.meta.dirname}/${this.kind}.ts`, JSON.stringify(place)],
      {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "winterq-compile-cache") }
      }
    )
    this.child = child
    this.stopped = false
    let said = ""
    child.stderr?.on("data", (data: Buffer) => {
      said = `${said}${data.toString()}`.slice(-4000)
    })
    child.on("error", () => undefined)
    child.once("exit", (code, signal) => {
      this.child = undefined
      // 7 is what a deed exits with
      const isMeant = signal === "SIGKILL" || code === 7 || (code === 0 && !this.kept)
      if (!isMeant) this.accidents.push(`${place.name} ended with ${code ?? signal}: ${said}`)
      if (!this.kept) return
      this.deaths++
      this.start()
    })
  }

  get isStopped(): boolean {
    return this.stopped
  }
}

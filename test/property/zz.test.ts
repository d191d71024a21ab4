import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { TestClock } from "effect/testing"
import * as Memory from "../../src/backends/memory/index.ts"
import { WorkflowStore } from "../../src/ports/WorkflowStore.ts"
import { JobStore } from "../../src/ports/JobStore.ts"
import { Play } from "./workflows/Play.ts"
const given = {"sketch":{"is":"chord","parts":[{"is":"chain","parts":[{"is":"chain","parts":[{"is":"job","plan":{"fate":"redrive","queue":0}},{"is":"job","plan":{"fate":"complete","queue":0}},{"is":"job","plan":{"fate":"redrive","queue":0}}]},{"is":"job","plan":{"fate":"complete","queue":0}},{"is":"job","plan":{"fate":"complete","queue":0}},{"is":"chord","parts":[{"is":"job","plan":{"fate":"complete","queue":0}},{"is":"job","plan":{"fate":"redrive","queue":0}},{"is":"job","plan":{"fate":"complete","queue":0}}],"callback":{"is":"job","plan":{"fate":"complete","queue":0}}}]}],"callback":{"is":"job","plan":{"fate":"complete","queue":0}}},"policy":"continue","stop":"none","seed":17,"trouble":0.05} as any
it("x", async () => {
  const runtime = ManagedRuntime.make(Layer.provideMerge(Memory.layer, Layer.effectDiscard(TestClock.setTime(Date.UTC(2026, 0, 1))).pipe(Layer.provideMerge(TestClock.layer()))))
  const play = new Play("w303", given)
  const dump = Effect.gen(function*(){
    const s = yield* WorkflowStore
    console.log(JSON.stringify(yield* s.get("w303")), JSON.stringify((yield* s.nodes("w303",0,4))))
  })
  const traced = Effect.gen(function*(){
    const s = yield* WorkflowStore
    const j = yield* JobStore
    const t = (o: any, names: string[]) => Object.fromEntries(Object.entries(o).map(([k,f]: any)=>[k, names.includes(k) ? (...a: any[]) => Effect.tap(f(...a), (r: any)=>Effect.sync(()=>console.log(k, JSON.stringify(a).slice(0,400), "->", JSON.stringify(r)?.slice(0,500)))) : f]))
    yield* play.run.pipe(Effect.provideService(WorkflowStore, t(s,["create","advance","confirm","driven"]) as any), Effect.provideService(JobStore, t(j,["enqueue","forgetEndings"]) as any))
  })
  try { await runtime.runPromise(traced as any) } catch (e) { console.log(String(e)) }
  await runtime.runPromise(dump as any)
  console.log(play.log.join("\n"))
})

import { assert, describe, it } from "vitest"
import { seed } from "../support/seed.ts"
import { simulate } from "../support/simulator/simulate.ts"
import { findPlanted, outdated, planted } from "../support/simulator/planted.ts"
import { Tally } from "../support/simulator/Tally.ts"

describe("simulated histories", () => {
  it("break no invariant, and lose no job", () => {
    const tally = new Tally()
    for (let i = 0; i < 150; i++) tally.run(seed + i)

    const broken = tally.failed.map(({ seed, violations }) => {
      const said = violations.map(({ invariant, jobs, message }) => `${invariant} ${jobs.join(", ")} ${message}`)
      return `node scripts/simulate.mts --seed ${seed}\n${said.slice(0, 5).join("\n")}`
    })
    assert.isEmpty(broken, broken.join("\n\n"))
    assert.strictEqual(tally.lost, 0, `jobs lost in seeds from ${seed}`)
    assert.strictEqual(tally.figures["duplicated"], 0, `jobs duplicated in seeds from ${seed}`)
  }, 240_000)

  it("are the same again for the same seed", () => {
    const first = simulate(seed)
    simulate(seed + 1)
    const again = simulate(seed)

    assert.strictEqual(again.steps, first.steps, `seed ${seed}`)
    assert.deepStrictEqual(again.history, first.history, `seed ${seed}`)
  })
})

describe("the simulator finds", () => {
  it("every planted bug where it was made", async () => {
    assert.deepStrictEqual(await outdated(), [])
  })

  for (const bug of planted.filter(({ quick }) => quick)) {
    it(`${bug.breaks} when ${bug.name}`, async () => {
      const [found = ""] = (await findPlanted(bug, 300)).split("\n")

      assert.include(found.split(/[ :]+/), bug.breaks, found)
    })
  }
})

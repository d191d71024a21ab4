import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { compile, isComplete, type Graph, type Output } from "../../src/domain/workflow-graph.ts"
import * as Workflow from "../../src/domain/Workflow.ts"
import { parentsOf } from "./workflows/evaluate.ts"
import { build, Leaf, plansOf, type Sketch, sketches } from "./workflows/Sketch.ts"

const queues = ["a", "b", "c"]

const compiled = (sketch: Sketch): Graph => compile(build(sketch, queues).shape)

const leafOf = ({ nodes }: Graph, node: number): number | undefined =>
  (nodes[node]!.job?.payload as { readonly leaf: number } | undefined)?.leaf

/** The jobs that a node waits for, with joins standing for theirs. */
const jobsBefore = (graph: Graph, node: number): ReadonlyArray<number> =>
  graph.nodes[node]!.parents.flatMap((parent) => {
    const leaf = leafOf(graph, parent)
    return leaf === undefined ? jobsBefore(graph, parent) : [leaf]
  })

const edgesOf = ({ nodes }: Graph): number => nodes.reduce((sum, { parents }) => sum + parents.length, 0)

/** What a sketch gives, as nested places of jobs. */
const given = (sketch: Sketch, next: { leaf: number }): unknown => {
  switch (sketch.is) {
    case "job":
      return next.leaf++
    case "chain":
      return sketch.parts.map((part) => given(part, next)).at(-1)
    case "group":
      return sketch.parts.map((part) => given(part, next))
    case "chord":
      for (const part of sketch.parts) given(part, next)
      return given(sketch.callback, next)
  }
}

const shown = (graph: Graph, output: Output): unknown =>
  output._tag === "Node" ? leafOf(graph, output.node) : output.members.map((member) => shown(graph, member))

const holds = (property: (graph: Graph, sketch: Sketch) => void) => () =>
  fc.assert(
    fc.property(sketches, (sketch) => property(compiled(sketch), sketch)),
    { numRuns: 300 }
  )

describe("compile", () => {
  it(
    "parents come before their children, and each knows the other",
    holds((graph) => {
      for (const [number, { children, parents }] of graph.nodes.entries()) {
        for (const parent of parents) {
          assert.isBelow(parent, number)
          assert.include(graph.nodes[parent]!.children, number)
        }
        for (const child of children) assert.include(graph.nodes[child]!.parents, number)
        assert.strictEqual(new Set(parents).size, parents.length)
        assert.strictEqual(new Set(children).size, children.length)
      }
    })
  )

  it(
    "each job is one node, in the order in which it was written",
    holds((graph, sketch) => {
      const leaves = graph.nodes.map((_, number) => leafOf(graph, number)).filter((leaf) => leaf !== undefined)

      assert.deepStrictEqual(
        leaves,
        plansOf(sketch).map((_, i) => i)
      )
    })
  )

  it(
    "a job waits for exactly the jobs that stand directly before it",
    holds((graph, sketch) => {
      const expected = parentsOf(sketch)

      for (const number of graph.nodes.keys()) {
        const leaf = leafOf(graph, number)
        if (leaf !== undefined) assert.deepStrictEqual(jobsBefore(graph, number), expected[leaf])
      }
    })
  )

  it(
    "every node is reached from one without parents",
    holds((graph) => {
      const reached = new Set<number>()
      for (const [number, { parents }] of graph.nodes.entries()) {
        if (parents.every((parent) => reached.has(parent))) reached.add(number)
      }

      assert.strictEqual(reached.size, graph.nodes.length)
    })
  )

  it(
    "a join has parents and children",
    holds((graph) => {
      for (const { children, job, parents } of graph.nodes) {
        if (job !== undefined) continue
        assert.isAbove(parents.length, 1)
        assert.isAbove(children.length, 1)
      }
    })
  )

  it(
    "there are no more than two edges to a node",
    holds((graph) => assert.isAtMost(edgesOf(graph), 2 * graph.nodes.length))
  )

  it(
    "the result has the shape of the workflow",
    holds((graph, sketch) => assert.deepStrictEqual(shown(graph, graph.output), given(sketch, { leaf: 0 })))
  )

  it(
    "the same shape gives the same numbers",
    holds((graph, sketch) => {
      const again = compiled(sketch)

      const links = ({ nodes }: Graph) => nodes.map(({ children, parents }) => [parents, children])
      assert.deepStrictEqual(links(again), links(graph))
    })
  )

  it("a group of thousands before a group of thousands costs an edge each", () => {
    const group = Workflow.group(Array.from({ length: 5000 }, () => Workflow.job(Leaf, { leaf: 0 })))

    const graph = compile(Workflow.chain(group, group, group).shape)

    assert.strictEqual(graph.nodes.length, 15_002)
    assert.strictEqual(edgesOf(graph), 20_000)
  })

  it("chains are made by adding a step to a chain, thousands of times", () => {
    let flow: Workflow.Workflow<unknown> = Workflow.job(Leaf, { leaf: 0 })
    for (let i = 1; i < 5000; i++) flow = Workflow.chain(flow, Workflow.job(Leaf, { leaf: i }))

    const { nodes } = compile(flow.shape)

    assert.strictEqual(nodes.length, 5000)
    assert.isTrue(isComplete(flow.shape))
  })
})

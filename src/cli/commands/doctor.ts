import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Doctor from "../../features/doctor/Doctor.ts"
import { connected } from "../connected.ts"
import { ChecksFailed } from "../errors.ts"
import { show, type Ui } from "../output.ts"

const levelText = (ui: Ui, level: Doctor.Finding["level"]): string =>
  ({ pass: ui.green("pass"), warn: ui.yellow("warn"), fail: ui.red("FAIL") })[level]

const text = (ui: Ui, findings: ReadonlyArray<Doctor.Finding>): string => {
  const rows = findings.map(({ advice, check, detail, level, subject }) => [
    levelText(ui, level),
    check,
    subject ?? "",
    detail + (advice === undefined ? "" : ui.dim(` -> ${advice}`))
  ])
  const of = (level: Doctor.Finding["level"]) => findings.filter((finding) => finding.level === level).length
  const table = ui.table([{ title: "" }, { title: "CHECK" }, { title: "OF" }, { title: "FOUND" }], rows)
  return `${table}\n${of("pass")} passed, ${of("warn")} warnings, ${of("fail")} failed`
}

const conclude = Effect.fnUntraced(function* (findings: ReadonlyArray<Doctor.Finding>, strict: boolean) {
  const failed = findings.filter(({ level }) => level === "fail" || (strict && level === "warn")).length
  yield* show({ ok: failed === 0, findings }, (ui) => text(ui, findings))
  if (failed > 0) return yield* new ChecksFailed({ failed })
})

export const doctor = Command.make(
  "doctor",
  {
    strict: Flag.Boolean("strict").pipe(Flag.withDescription("Let warnings fail as well"), Flag.withDefault(false))
  },
  ({ strict }) =>
    connected(
      Effect.gen(function* () {
        yield* conclude(yield* Doctor.examine, strict)
      })
    ).pipe(
      // a server that no job may be given to is not even asked for the rest
      Effect.catchTag(
        "ConnectionFailed",
        Effect.fnUntraced(function* (failure) {
          const { check, detail } = failure
          if (check === undefined) return yield* failure
          yield* conclude([{ check, level: "fail", detail }], strict)
        })
      )
    )
).pipe(
  Command.withDescription(
    "Check the server and every queue: version, persistence, eviction, clock, data format, invariants, workers"
  )
)

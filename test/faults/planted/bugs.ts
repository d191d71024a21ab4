/** A mistake that could be made, and the tests that must turn red for it. */
export interface Bug {
  /** In the list of the catalogue; above 100 for mistakes that were found here. */
  readonly number: number
  readonly name: string
  readonly edits: ReadonlyArray<{ readonly file: string; readonly from: string; readonly to: string }>
  readonly tests: ReadonlyArray<string>
  /** Which of their tests, as a regular expression. */
  readonly pattern: string
}

const script = (name: string) => `src/backends/redis/scripts/${name}.lua`
const worker = (name: string) => `src/features/worker/${name}.ts`

const everyScript = ["test/faults/short/every-script.test.ts"]
const processes = ["test/faults/short/worker-process.test.ts"]
const network = ["test/faults/short/network.test.ts"]
const data = ["test/faults/short/data-and-time.test.ts"]
const workflows = ["test/faults/short/workflows.test.ts"]
const contract = ["test/contract/redis.test.ts"]

export const bugs: ReadonlyArray<Bug> = [
  {
    number: 1,
    name: "no fence check in a settlement",
    edits: [
      {
        file: script("lib/settle"),
        from: "local is_held = text and find(text, held, 1, true) == 1",
        to: 'local is_held = text and string.sub(text, 1, 1) == "a"'
      }
    ],
    tests: everyScript,
    pattern: "F44 exchange that"
  },
  {
    number: 108,
    name: "no fence check where completing takes no more than deleting",
    edits: [
      {
        file: script("exchange"),
        from: "if not text or find(text, ARGV[to + i], 1, true) ~= 1 then",
        to: 'if not text or string.sub(text, 1, 1) ~= "a" then'
      }
    ],
    tests: contract,
    pattern: "FENCE"
  },
  {
    number: 2,
    name: "the fence does not grow when a job is taken back",
    edits: [
      { file: script("lib/rescue"), from: '      run.token = "0"\n', to: "" },
      {
        file: script("lib/claim"),
        from: 'return "a" .. exact(token) .. "," .. old.flag',
        to: 'return "a" .. (old.token ~= "0" and old.token or exact(token)) .. "," .. old.flag'
      }
    ],
    tests: processes,
    pattern: "F09"
  },
  {
    number: 3,
    name: "leases by the clock of the client",
    edits: [
      {
        file: "src/backends/redis/Queues.ts",
        from: 'storeClock === "server" ? "" : String',
        to: "String"
      }
    ],
    tests: data,
    pattern: "F61"
  },
  {
    number: 4,
    name: "settled before the handler has run",
    edits: [
      {
        file: worker("run-attempt"),
        from: '  attempt.phase = "running"\n',
        to: '  attempt.phase = "running"\n  lane.outgoing.push({ _tag: "Complete", ...held })\n  state.look.openUnsafe()\n'
      }
    ],
    tests: processes,
    pattern: "F01|F08"
  },
  {
    number: 5,
    name: "the unique key is taken before the id is looked at",
    edits: [
      {
        file: script("lib/store"),
        from: "    if stored_record then\n      report",
        to: '    if unique ~= "" and not holder_of(unique) then hold(unique, id, window) end\n    if stored_record then\n      report'
      }
    ],
    tests: contract,
    pattern: "UNIQUE-5"
  },
  {
    number: 6,
    name: "a claim is two commands: taken now, leased with the next call",
    edits: [{ file: script("exchange"), from: '      redis.call("ZADD", keys.active, unpack(leases))\n', to: "" }],
    tests: processes,
    pattern: "F02"
  },
  {
    number: 7,
    name: "a join by counting what it is told",
    edits: [
      {
        file: script("advance"),
        from: '    if letter == "c" then return false end\n',
        to: ""
      }
    ],
    tests: everyScript,
    pattern: "F42 advance|F44 advance"
  },
  {
    number: 9,
    name: "leases are taken back without a bound",
    edits: [
      {
        file: script("lib/rescue"),
        from: 'redis.call("ZRANGEBYSCORE", keys.active, "-inf", now, "LIMIT", 0, limit)',
        to: 'redis.call("ZRANGEBYSCORE", keys.active, "-inf", now)'
      }
    ],
    tests: contract,
    pattern: "LEASE-2"
  },
  {
    number: 10,
    name: "a limited slot is given back by the id of its job alone",
    edits: [
      {
        file: script("lib/settle"),
        from: '        outcome = "s"\n        stale = stale + 1\n      end\n    elseif redis',
        to: '        outcome = "s"\n        redis.call("ZREM", keys.active, id)\n        stale = stale + 1\n      end\n    elseif redis'
      }
    ],
    tests: everyScript,
    pattern: "F44 exchange that"
  },
  {
    number: 11,
    name: "an enqueue sent again is carried out again",
    edits: [
      {
        file: script("enqueue"),
        from: "local again = number < floor or find(",
        to: "local again = false and number < floor or false and find("
      }
    ],
    tests: everyScript,
    pattern: "F44 enqueue"
  },
  {
    number: 12,
    name: "payloads go through cjson",
    edits: [
      {
        file: script("enqueue"),
        from: "tail .. ARGV[payload_at]",
        to: "tail .. cjson.encode(cjson.decode(ARGV[payload_at]))"
      }
    ],
    tests: data,
    pattern: "F67|F72"
  },
  {
    number: 13,
    name: "remembered claims are never forgotten",
    edits: [{ file: script("prune"), from: "forget(keys.workers, keys.claims, keys.about)\n", to: "" }],
    tests: data,
    pattern: "I14"
  },
  {
    number: 14,
    name: "wake-ups without looking from time to time",
    edits: [
      {
        file: worker("wait-for-work"),
        from: ": wakeup.wait(pollMillis)",
        to: ": wakeup.wait(3_600_000)"
      },
      {
        file: worker("WaitingClaims"),
        from: "const limit = lane === undefined ? 0 : this.#state.askAhead(lane)",
        to: "const limit = 0"
      }
    ],
    tests: data,
    pattern: "F36"
  },
  {
    number: 15,
    name: "shutdown ends the extension of leases before the drain",
    edits: [
      {
        file: worker("extend-leases"),
        from: "if (turn % turns === 0 && underWay < most) {",
        to: "if (turn % turns === 0 && underWay < most && !state.stopping) {"
      }
    ],
    tests: data,
    pattern: "F06"
  },
  {
    number: 16,
    name: "pruning takes what is not over",
    edits: [
      { file: script("prune"), from: "drop_until(keys.dead, now - dead_retain)", to: "drop_until(keys.dead, now)" }
    ],
    tests: contract,
    pattern: "RETAIN-2"
  },
  {
    number: 101,
    name: "requests are told apart by the last number alone",
    edits: [
      {
        file: script("enqueue"),
        from: 'local again = number < floor or find("," .. numbers, "," .. args.number .. ",", 1, true) ~= nil',
        to: 'local again = number <= tonumber(match(numbers, "(%d+),$") or "0")'
      }
    ],
    tests: network,
    pattern: "F25 between|F43"
  },
  {
    number: 102,
    name: "a claim answered after its leases starts its jobs",
    edits: [
      { file: worker("receive"), from: "i < startable && !isLate", to: "i < startable" },
      {
        file: worker("run-attempt"),
        from: "if (attempt.trustedUntil <= nowMillis && attempt.interruptedFor === undefined) {",
        to: "if (false as boolean) {"
      }
    ],
    tests: ["test/unit/late-claim.test.ts"],
    pattern: "leases are over"
  },
  {
    number: 103,
    name: "the driver subscribes again by itself",
    edits: [{ file: "src/backends/redis/Connection.ts", from: "autoResubscribe: false", to: "autoResubscribe: true" }],
    tests: ["test/faults/short/redis-process.test.ts"],
    pattern: "F24 busy while"
  },
  {
    number: 104,
    name: "an ending is forgotten before what follows is stored",
    edits: [
      {
        file: "src/features/workflows/relay.ts",
        from: "    yield* Option.isSome(advance) ? carryOut(id, advance.value, forget) : forget\n",
        to: "    yield* forget\n    if (Option.isSome(advance)) yield* carryOut(id, advance.value)\n"
      }
    ],
    tests: workflows,
    pattern: "F75 killed before enqueue"
  },
  {
    number: 105,
    name: "a lease is extended without its fence",
    edits: [
      {
        file: script("extend"),
        from: "if text and string.sub(text, 1, #held) == held then",
        to: "if text then"
      }
    ],
    tests: everyScript,
    pattern: "F44 extend"
  },
  {
    number: 106,
    name: "claims are handed out without a bound in bytes",
    edits: [{ file: script("lib/claim"), from: "if bytes > claim_bytes and i > 1 then", to: "if false then" }],
    tests: network,
    pattern: "F47"
  },
  {
    number: 107,
    name: "a call whose connection broke is not sent again",
    edits: [
      {
        file: "src/backends/redis/Gate.ts",
        from: "sending.pause = setTimeout(() => this.attempt(sending), pauseMillis)",
        to: "sending.giveUp(error)"
      }
    ],
    tests: everyScript,
    pattern: "F43 enqueue"
  },
  {
    number: 109,
    name: "a claim whose answer is lost is not asked for again by its number",
    edits: [
      {
        file: worker("WorkerState"),
        from: "if (lane.openClaim === undefined) {",
        to: "{"
      }
    ],
    tests: network,
    pattern: "F42 the answer to a claim"
  },
  {
    number: 110,
    name: "a worker leaves without asking what its claim has brought",
    edits: [
      {
        file: worker("WorkerState"),
        from: "(lane.openClaim !== undefined || lane.owes) && (",
        to: "lane.owes && ("
      },
      { file: worker("Lane"), from: "return this.openClaim === undefined && this.attempts", to: "return this.attempts" }
    ],
    tests: contract,
    pattern: "STOP-1 RUN-18"
  },
  {
    number: 111,
    name: "the answer to a claim that was asked for again is taken twice",
    edits: [
      {
        file: worker("receive"),
        from: "if (claim === undefined || lane.openClaim !== claim.number) return false",
        to: "if (claim === undefined) return false"
      }
    ],
    tests: contract,
    pattern: "RUN-18 an answer that comes when"
  },
  {
    number: 112,
    name: "what an enqueue may have brought to a worker is not asked for again",
    edits: [{ file: worker("WaitingClaims"), from: "    lane.hungry = true\n", to: "" }],
    tests: contract,
    pattern: "RUN-18 WAKE-7 what an enqueue"
  },
  {
    number: 113,
    name: "jobs are handed over although others are due",
    edits: [{ file: script("lib/hand-over"), from: "expires > now and due > now", to: "expires > now" }],
    tests: ["test/property/handover.property.test.ts"],
    pattern: "WAKE-7"
  },
  {
    number: 114,
    name: "what comes along with a wait is not decrypted",
    edits: [
      {
        file: "src/features/encryption/encrypted-wakeups.ts",
        from: "return claimant.take(request, { ...reply, ...opened })",
        to: "return claimant.take(request, { ...reply, endings: opened.endings })"
      }
    ],
    tests: contract,
    pattern: "CRYPT-1 RUN-18"
  },
  {
    number: 115,
    name: "a signal that the ear on a removed queue has taken goes nowhere",
    edits: [{ file: worker("WorkerState"), from: "      lane.owes = true\n", to: "" }],
    tests: contract,
    pattern: "QUEUES-8 a signal"
  },
  {
    number: 116,
    name: "jobs without tokens that do not stand apart yet count as left behind",
    edits: [
      {
        file: script("lib/take"),
        from: 'if not limits[kind or ""] then return true, soonest end',
        to: "if kind then return true, soonest end"
      }
    ],
    tests: contract,
    pattern: "CLAIM-3 RATE-4"
  },
  {
    number: 117,
    name: "a signal that an ear has taken is lost with it when the queues change",
    edits: [
      {
        file: worker("wait-for-work"),
        from: "        if (state.changed.isOpen()) yield* current.wakeup.pass\n",
        to: ""
      }
    ],
    tests: contract,
    pattern: "WAKE-9 a worker without room"
  }
]

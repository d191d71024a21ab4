import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"

/** A schema whose codec needs no services, so that it can run at the edge of any program. */
export type PlainSchema = Schema.ConstraintCodec<unknown, unknown>

/**
 * Compiled, since it runs for every job: payloads are encoded and decoded in two thirds of the time (decision 16). Where
 * code cannot be made at run time, Effect interprets the schema instead.
 */
const compiledCodec = (schema: PlainSchema) => {
  const codec = Schema.toCodecJson(schema)
  SchemaJITCompiler.enable(codec.ast)
  SchemaJITCompiler.enable(SchemaAST.flip(codec.ast))
  return codec
}

/** Values of a schema as JSON texts. Neither direction throws. */
export const jsonCodec = (schema: PlainSchema) => {
  const codec = compiledCodec(schema)
  const encode = Schema.encodeUnknownExit(codec)
  const decode = Schema.decodeUnknownExit(codec)
  return {
    encode: (value: unknown) => {
      // open schemas let values through that JSON cannot carry: cycles, bigints, functions, depth beyond the stack
      try {
        const exit = encode(value)
        if (Exit.isFailure(exit)) return exit
        const text: string | undefined = JSON.stringify(exit.value)
        return text === undefined ? Exit.die(new TypeError("the value has no JSON form")) : Exit.succeed(text)
      } catch (error) {
        return Exit.die(error)
      }
    },
    decode: (text: string) => {
      try {
        return decode(JSON.parse(text))
      } catch (error) {
        return Exit.die(error)
      }
    }
  }
}

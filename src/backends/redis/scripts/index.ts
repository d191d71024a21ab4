import type { AnyScript } from "./Script.ts"
import { sources } from "./sources.gen.ts"

/** Every script of this backend; a header that names an unknown key does not compile. */
export const scripts = sources satisfies Record<string, AnyScript>

import * as Memory from "../../src/backends/memory/index.ts"
import { storeContract } from "./suite/index.ts"
import { serviceContract } from "./suite/services.ts"

storeContract("memory", Memory.layer)
serviceContract("memory", Memory.layer)

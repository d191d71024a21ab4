import * as Memory from "../../src/backends/memory/index.ts"
import { serviceContract, storeContract } from "../../src/testing/contract/index.ts"
import { deviations } from "./deviations.ts"
import { encryptionContract } from "./encryption.ts"

const options = { deviations: deviations.memory }

storeContract("memory", Memory.layer, options)
serviceContract("memory", Memory.layer, options)
encryptionContract("memory", Memory.layer, options)

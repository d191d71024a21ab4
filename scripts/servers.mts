// Fetches the servers that winterq is tested on, without installing them, and says where they are.
//
//   npm run servers                    all of them
//   npm run servers -- redis8 valkey8  these
//
// They come from the Debian mirror that this system uses, and are unpacked into node_modules/.cache/winterq-servers.
// Ends with exit code 1 when one cannot be had.
import { findServer, serverKinds, type ServerName } from "../test/support/servers/servers.ts"

const known = Object.keys(serverKinds) as ReadonlyArray<ServerName>
const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !known.some((other) => other === name))
if (unknown.length > 0) {
  console.error(`no server is called ${unknown.join(", ")}; there are ${known.join(", ")}`)
  process.exit(2)
}

for (const name of known.filter((other) => asked.length === 0 || asked.includes(other))) {
  await findServer(name).then(
    ({ binary, version }) => console.log(`${name}: version ${version}, ${binary}`),
    (error: Error) => {
      process.exitCode = 1
      console.log(`${name}: cannot be had: ${error.message.trim()}`)
    }
  )
}

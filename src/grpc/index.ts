export { GrpcServer, ListenError, type QueueDefaults, type ServerOptions, type TlsOptions } from "./server.ts"

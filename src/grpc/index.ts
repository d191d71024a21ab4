export { GrpcServer, ListenError, type ServerOptions, type TlsOptions } from "./server.ts"

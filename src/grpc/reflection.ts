import { toBinary } from "@bufbuild/protobuf"
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt"
import type { Server } from "@grpc/grpc-js"
import { ReflectionService } from "@grpc/reflection"
import { service as healthService } from "grpc-health-check"
import { file_winter_v1_queue_service, QueueService } from "./gen/winter/v1/queue_service_pb.ts"

/** Lets clients such as grpcurl ask what is served. */
export const addReflection = (server: Server): void => {
  const descriptor = Buffer.from(toBinary(FileDescriptorProtoSchema, file_winter_v1_queue_service.proto))
  const health = Object.values(healthService).map(({ requestType }) => requestType)
  const described = [{ format: "", type: {}, fileDescriptorProtos: [descriptor] }, ...health]
  // it reads the descriptors of what it is given, and nothing else
  const definitions = Object.fromEntries(described.entries()) as unknown as ConstructorParameters<
    typeof ReflectionService
  >[0]
  new ReflectionService(definitions, { services: [QueueService.typeName, "grpc.health.v1.Health"] }).addToServer(server)
}

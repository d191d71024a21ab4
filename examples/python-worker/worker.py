"""A worker in Python: runs jobs of a queue that anybody fills, until three have ended.

    pip install grpcio grpcio-tools
    python -m grpc_tools.protoc -I proto/winter/v1 --python_out=. --grpc_python_out=. queue_service.proto
    python worker.py localhost:50051 [TOKEN]
"""
import json
import sys
import threading

import grpc
import queue_service_pb2 as pb
import queue_service_pb2_grpc as rpc

QUEUE = "reports"
WORKER = "python-worker"

address = sys.argv[1]
metadata = [("authorization", "Bearer " + token) for token in sys.argv[2:3]]
service = rpc.QueueServiceStub(grpc.insecure_channel(address))


def run(job):
    """Does the work of one job; whatever it raises is a failed attempt."""
    text = json.loads(job.payload)["text"]
    if text == "":
        raise ValueError("nothing to count")
    return {"words": len(text.split())}


def keep_lease(job, stopped):
    """Extends the lease while the job runs, three times in its length."""
    while not stopped.wait(job.lease_ms / 3000):
        lease = pb.Lease(job_id=job.id, token=job.token)
        service.ExtendLease(pb.ExtendLeaseRequest(queue=QUEUE, worker_id=WORKER, leases=[lease]), metadata=metadata)


def attempt(job):
    about = {"job_id": job.id, "queue": QUEUE, "worker_id": WORKER, "token": job.token}
    stopped = threading.Event()
    threading.Thread(target=keep_lease, args=(job, stopped), daemon=True).start()
    try:
        result = run(job)
    except Exception as problem:
        answer = service.Nack(pb.NackRequest(**about, error=repr(problem)), metadata=metadata)
        return answer.outcome
    finally:
        stopped.set()
    service.Ack(pb.AckRequest(**about, result=json.dumps(result).encode()), metadata=metadata)
    return "completed " + json.dumps(result)


ended = 0
while ended < 3:
    request = pb.DequeueRequest(queue=QUEUE, worker_id=WORKER, timeout_ms=20_000)
    answer = service.Dequeue(request, metadata=metadata)
    if not answer.HasField("job"):
        continue
    outcome = attempt(answer.job)
    print(answer.job.id, outcome, flush=True)
    if outcome != "retry":
        ended += 1

# Output:
# one completed {"words": 2}
# two retry
# three completed {"words": 5}
# two dead

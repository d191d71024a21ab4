"""What a client of the first system expects of a server. Prints a line per test: `ok NAME` or `failed NAME: WHY`.

    python3 seven_calls.py FOLDER_OF_GENERATED_STUBS HOST:PORT QUEUE_PREFIX
"""
import sys

stubs, address, prefix = sys.argv[1:4]
sys.path.insert(0, stubs)

import grpc  # noqa: E402
import seven_calls_pb2 as pb  # noqa: E402
import seven_calls_pb2_grpc as rpc  # noqa: E402

channel = grpc.insecure_channel(address)
service = rpc.QueueServiceStub(channel)
tests = []


def test(f):
    tests.append(f)
    return f


def enqueue(queue, payload=b'{"n":1}', **more):
    return service.Enqueue(pb.EnqueueRequest(kind="test_task", payload=payload, queue=queue, **more)).job_id


def dequeue(queue, timeout_ms=2000):
    return service.Dequeue(pb.DequeueRequest(queue=queue, worker_id="worker-1", timeout_ms=timeout_ms))


@test
def enqueue_returns_an_id(queue):
    assert enqueue(queue) != ""


@test
def enqueue_dequeue_ack_get_ends_completed(queue):
    job_id = enqueue(queue)
    job = dequeue(queue).job
    assert (job.id, job.kind, job.payload, job.queue) == (job_id, "test_task", b'{"n":1}', queue), job
    assert (job.state, job.attempt, job.priority, job.max_retries) == ("active", 0, 5, 20), job
    service.Ack(pb.AckRequest(job_id=job_id, queue=queue, worker_id="worker-1"))
    ended = service.GetJob(pb.GetJobRequest(job_id=job_id)).job
    assert ended.state == "completed" and ended.completed_at > 0, ended


@test
def dequeue_of_an_empty_queue_returns_no_job(queue):
    assert not dequeue(queue, 500).HasField("job")


@test
def nack_with_retries_left_says_retry(queue):
    job_id = enqueue(queue, max_retries=3)
    dequeue(queue)
    answer = service.Nack(pb.NackRequest(job_id=job_id, queue=queue, worker_id="worker-1", error="boom"))
    assert answer.outcome == "retry", answer
    job = service.GetJob(pb.GetJobRequest(job_id=job_id)).job
    assert (job.state, job.attempt, job.last_error) == ("retry", 1, "boom"), job


@test
def heartbeat_is_ok(queue):
    service.Heartbeat(pb.HeartbeatRequest(worker_id="worker-1", queues=[queue]))


@test
def an_unknown_job_is_not_found(queue):
    try:
        service.GetJob(pb.GetJobRequest(job_id="no-such-job"))
    except grpc.RpcError as error:
        assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "job not found"), error
    else:
        raise AssertionError("no error")


@test
def stats_follow_the_jobs(queue):
    for _ in range(3):
        enqueue(queue)
    first = service.QueueStats(pb.QueueStatsRequest(queue=queue))
    job = dequeue(queue).job
    service.Ack(pb.AckRequest(job_id=job.id, queue=queue, worker_id="worker-1"))
    second = service.QueueStats(pb.QueueStatsRequest(queue=queue))
    assert first.ready == 3, first
    assert (second.ready, second.completed) == (2, 1), second


@test
def three_dequeues_give_three_jobs(queue):
    ids = {enqueue(queue) for _ in range(3)}
    assert {dequeue(queue).job.id for _ in range(3)} == ids


for run in tests:
    try:
        run(prefix + run.__name__)
        print("ok", run.__name__)
    except Exception as problem:  # every failure is told, and the others go on
        print(f"failed {run.__name__}: {problem!r}")
channel.close()

#!/usr/bin/env python3
"""A small node of the contract: InvokeFunction, GetExecutionStatus, CancelExecution and ListExecutions.

Everything happens in one thread, in the callbacks of one event loop, so that nothing needs a lock.

It needs grpcio, and function_pb2.py made from the contract (see README.md). It prints the line
"listening on ADDRESS", from which `quintain conform --spawn` knows where it is.
"""
import asyncio
import math
import re
import signal
import sys
import time

import grpc
from google.protobuf import any_pb2, timestamp_pb2, wrappers_pb2

from spearlet import function_pb2 as pb

SLOTS = 4
QUEUE_LIMIT = 8
GRACE = 3.0  # seconds from a cancel to the kill
DEFAULT_SYNC_TIMEOUT = 5.0
MAXIMUM_TIMEOUT = 60.0
RETENTION = 10.0
TASK = "fixtures"


# ---- The functions -------------------------------------------------------------------------------

class Failure(Exception):
    """A function's own error."""


def packed(message):
    value = any_pb2.Any()
    value.Pack(message)
    return value


def number(parameters, name, default):
    for parameter in parameters:
        value = wrappers_pb2.Int64Value()
        if parameter.name == name and parameter.value.Unpack(value):
            return value.value
    return default


async def echo(parameters):
    return parameters[0].value if parameters else any_pb2.Any()


async def sleep(parameters):
    await asyncio.sleep(number(parameters, "ms", 100) / 1000)
    return packed(wrappers_pb2.StringValue(value="slept"))


async def fail(parameters):
    await asyncio.sleep(number(parameters, "ms", 0) / 1000)
    raise Failure("FIXTURE_FAILURE")


async def flood(parameters):
    return packed(wrappers_pb2.BytesValue(value=b"x" * number(parameters, "bytes", 1 << 20)))


# Each with whether it obeys a request to stop.
FUNCTIONS = {"echo": (echo, True), "sleep": (sleep, True), "fail": (fail, True),
             "stubborn": (sleep, False), "flood": (flood, True)}


# ---- Executions ----------------------------------------------------------------------------------

def stamp(seconds):
    return timestamp_pb2.Timestamp(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


class Execution:
    """One execution. It waits, runs, and ends exactly once; `ended` is set then."""

    def __init__(self, node, execution_id, request, timeout):
        self.node, self.id, self.request = node, execution_id, request
        self.result = pb.ExecutionResult(status=pb.EXECUTION_STATUS_PENDING)
        self.logs = []
        self.started = 0.0
        self.run = None  # the asyncio task of the function, while it has a slot
        self.reason = None  # why it is being cancelled
        self.kill = None
        self.callers = 0  # SYNC calls that wait
        self.ended = asyncio.Event()
        self.deadline = node.loop.call_later(
            timeout, self.end, pb.EXECUTION_STATUS_TIMEOUT, "TIMEOUT", "the time ran out")

    def start(self):
        self.started = time.time()
        self.result.status = pb.EXECUTION_STATUS_RUNNING
        self.result.started_at.CopyFrom(stamp(self.started))
        self.run = self.node.loop.create_task(self.attempts())

    async def attempts(self):
        function, _ = FUNCTIONS[self.request.function_name]
        retries = self.request.context.max_retries
        for attempt in range(retries + 1):
            self.logs.append(f"attempt {attempt + 1} of {self.id}")
            try:
                self.result.result.CopyFrom(await function(self.request.parameters))
                return self.end(pb.EXECUTION_STATUS_COMPLETED)
            except Failure as failure:
                if attempt == retries or self.reason is not None:
                    return self.end(pb.EXECUTION_STATUS_FAILED, str(failure), "the function failed")
                await asyncio.sleep(0.1 * 2 ** min(attempt, 10))

    def cancel(self, reason, force):
        if self.reason is None:
            self.reason = reason
        obeys = FUNCTIONS[self.request.function_name][1]
        stop = (pb.EXECUTION_STATUS_CANCELLED, "CANCELLED", self.reason or "cancelled")
        if self.run is None or force or obeys:
            self.end(*stop)
        elif self.kill is None:
            self.kill = self.node.loop.call_later(GRACE, self.end, *stop)

    def end(self, status, code="", message=""):
        if self.ended.is_set():
            return
        for timer in (self.deadline, self.kill):
            if timer is not None:
                timer.cancel()
        now = time.time()
        if status != pb.EXECUTION_STATUS_COMPLETED:
            self.result.ClearField("result")
        self.result.status, self.result.error_code, self.result.error_message = status, code, message
        self.result.completed_at.CopyFrom(stamp(now))
        if self.started:
            self.result.execution_time_ms = int((now - self.started) * 1000)
        self.ended.set()
        self.node.on_end(self)
        if self.run is not None and status != pb.EXECUTION_STATUS_COMPLETED:
            self.run.cancel()


# ---- The node ------------------------------------------------------------------------------------

class Node:
    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.executions = {}
        self.waiting = []
        self.running = 0
        self.made = 0
        self.mean = {}  # of each function's time, in seconds

    def estimate_ms(self, execution):
        """The median of the time that is left: the function's mean, and more for those in front."""
        mean = self.mean.get(execution.request.function_name, 0.1)
        if execution.run is not None:
            return max(1, math.ceil((mean - (time.time() - execution.started)) * 1000))
        turns = self.waiting.index(execution) + (self.running >= SLOTS)
        return max(1, math.ceil(mean * (1 + turns / SLOTS) * 1000))

    def describe(self, execution):
        """The result as an answer shows it: with the estimates of an execution that has not ended."""
        result = pb.ExecutionResult()
        result.CopyFrom(execution.result)
        if not execution.ended.is_set():
            p50 = self.estimate_ms(execution)
            result.metrics["eta_p50_ms"] = str(p50)
            result.metrics["eta_p90_ms"] = str(2 * p50)
            result.metrics["eta_estimator"] = "mean"
        return result

    def on_end(self, execution):
        if execution.run is None:
            self.waiting.remove(execution)
        else:
            self.running -= 1
            took = execution.result.execution_time_ms / 1000
            name = execution.request.function_name
            self.mean[name] = 0.7 * self.mean.get(name, took) + 0.3 * took
        self.loop.call_later(RETENTION, self.executions.pop, execution.id, None)
        self.dispatch()

    def dispatch(self):
        while self.waiting and self.running < SLOTS:
            self.running += 1
            self.waiting.pop(0).start()

    @staticmethod
    def problem(request):
        """Why the request is refused, as a code and a text; None if it is not."""
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        if request.execution_mode not in (pb.EXECUTION_MODE_SYNC, pb.EXECUTION_MODE_ASYNC):
            return invalid, "execution_mode: expected SYNC or ASYNC"
        if request.context.timeout_ms < 0:
            return invalid, "context.timeout_ms: expected 0 or more"
        if request.context.max_retries < 0:
            return invalid, "context.max_retries: expected 0 or more"
        ids = {text for text in (request.execution_id, request.context.execution_id) if text}
        if len(ids) > 1:
            return invalid, "execution_id and context.execution_id differ"
        if ids and not re.fullmatch(r"(?!\.\.?$)[A-Za-z0-9._~!$&'()*+,;=:@-]{1,128}", next(iter(ids))):
            return invalid, "execution_id: expected 1 to 128 characters of a URL's path segment"
        if request.task_id != TASK:
            return grpc.StatusCode.NOT_FOUND, f"there is no task '{request.task_id}'"
        if request.function_name not in FUNCTIONS:
            return grpc.StatusCode.NOT_FOUND, f"there is no function '{request.function_name}'"
        return None

    async def invoke(self, request, context):
        sync = request.execution_mode == pb.EXECUTION_MODE_SYNC
        problem = self.problem(request)
        if problem:
            await context.abort(*problem)
        execution_id = request.execution_id or request.context.execution_id
        # What makes two requests the same does not include in which field the id is.
        request.execution_id = request.context.execution_id = execution_id
        execution = self.executions.get(execution_id) if execution_id else None
        if execution is not None:
            if execution.request != request:
                await context.abort(grpc.StatusCode.ALREADY_EXISTS, "another request has this execution_id")
        else:
            if self.running >= SLOTS and len(self.waiting) >= QUEUE_LIMIT:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full")
            timeout = request.context.timeout_ms / 1000 or (DEFAULT_SYNC_TIMEOUT if sync else MAXIMUM_TIMEOUT)
            timeout = min(timeout, MAXIMUM_TIMEOUT)
            if sync and context.time_remaining() is not None:
                timeout = min(timeout, context.time_remaining())
                if timeout <= 0:
                    await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
            if not execution_id:
                self.made += 1
                execution_id = f"node-{self.made}"
            execution = Execution(self, execution_id, request, timeout)
            self.executions[execution_id] = execution
            self.waiting.append(execution)
            # Not before the answer is made: the first answer to an ASYNC call is PENDING.
            self.loop.call_soon(self.dispatch)
        answer = pb.InvokeFunctionResponse(execution_id=execution.id, task_id=TASK)
        if sync:
            execution.callers += 1
            try:
                await execution.ended.wait()
            finally:
                execution.callers -= 1
                if not execution.callers:
                    execution.cancel("the caller left", False)
            answer.success = execution.result.status == pb.EXECUTION_STATUS_COMPLETED
            answer.message = execution.result.error_message
        else:
            answer.success = True
            answer.status_endpoint = f"/status/{execution.id}"
            if not execution.ended.is_set():
                answer.estimated_completion_ms = self.estimate_ms(execution)
        answer.result.CopyFrom(self.describe(execution))
        return answer

    async def status(self, request, context):
        execution = self.executions.get(request.execution_id)
        if execution is None:
            return pb.GetExecutionStatusResponse(found=False, message="there is no such execution")
        answer = pb.GetExecutionStatusResponse(found=True, result=self.describe(execution))
        if not request.include_result:
            answer.result.ClearField("result")
        if request.include_logs:
            answer.logs.extend(execution.logs)
        return answer

    async def cancel(self, request, context):
        execution = self.executions.get(request.execution_id)
        if execution is None:
            return pb.CancelExecutionResponse(message="there is no such execution")
        if execution.ended.is_set():
            return pb.CancelExecutionResponse(message="it has ended", final_status=execution.result.status)
        execution.cancel(request.reason, request.force)
        await execution.ended.wait()
        status = execution.result.status
        return pb.CancelExecutionResponse(
            success=status == pb.EXECUTION_STATUS_CANCELLED, final_status=status)

    async def list_executions(self, request, context):
        if request.limit < 0:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "limit: expected 0 or more")
        listed = list(self.executions.values())  # in the order of acceptance
        after = [place for place, each in enumerate(listed) if each.id == request.start_after]
        listed = [each for each in listed[after[0] + 1 if after else 0:]
                  if request.task_id in ("", TASK) and
                  request.status_filter in (pb.EXECUTION_STATUS_UNSPECIFIED, each.result.status)]
        page = listed[:request.limit or 100]
        answer = pb.ListExecutionsResponse(has_more=len(page) < len(listed))
        for each in page:
            info = answer.executions.add(
                execution_id=each.id, task_id=TASK, function_name=each.request.function_name,
                execution_mode=each.request.execution_mode, status=each.result.status,
                execution_time_ms=each.result.execution_time_ms,
                error_message=each.result.error_message)
            for name in ("started_at", "completed_at"):
                if each.result.HasField(name):
                    getattr(info, name).CopyFrom(getattr(each.result, name))
        if answer.has_more:
            answer.next_start_after = page[-1].id
        return answer


async def main():
    node = Node()

    def method(call, request, response):
        return grpc.unary_unary_rpc_method_handler(
            call, request_deserializer=request.FromString, response_serializer=response.SerializeToString)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("spearlet.FunctionService", {
        "InvokeFunction": method(node.invoke, pb.InvokeFunctionRequest, pb.InvokeFunctionResponse),
        "GetExecutionStatus": method(node.status, pb.GetExecutionStatusRequest, pb.GetExecutionStatusResponse),
        "CancelExecution": method(node.cancel, pb.CancelExecutionRequest, pb.CancelExecutionResponse),
        "ListExecutions": method(
            node.list_executions, pb.ListExecutionsRequest, pb.ListExecutionsResponse),
    }),))
    port = server.add_insecure_port(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:0")
    await server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop(grace=0)


if __name__ == "__main__":
    asyncio.run(main())

"""Does what docs/server.md describes for a client, with grpcio. Started by `run`."""

import json
import os
import ssl
import time
import urllib.request

import grpc
from google.protobuf import wrappers_pb2
from spearlet import function_pb2 as pb

METHODS = {name: pb.DESCRIPTOR.services_by_name["FunctionService"].methods_by_name[name]
           for name in ("InvokeFunction", "GetExecutionStatus", "CancelExecution", "StreamFunction",
                        "ListTasks", "ListExecutions")}
CLASSES = {message.DESCRIPTOR.full_name: message
           for message in vars(pb).values() if hasattr(message, "DESCRIPTOR") and isinstance(message, type)}


def connect():
    with open(os.environ["CA"], "rb") as authority:
        credentials = grpc.ssl_channel_credentials(authority.read())
    return grpc.secure_channel(os.environ["ADDRESS"], credentials)


def call(channel, name, request, token=os.environ["TOKEN"]):
    """Calls a method with a deadline and the token; a stream is returned as a list."""
    method = METHODS[name]
    kind = channel.unary_stream if name == "StreamFunction" else channel.unary_unary
    stub = kind(f"/spearlet.FunctionService/{name}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=CLASSES[method.output_type.full_name].FromString)
    metadata = [("authorization", f"Bearer {token}")] if token else []
    answer = stub(request, timeout=30, metadata=metadata)
    return list(answer) if name == "StreamFunction" else answer


def invocation(function, mode, text=""):
    request = pb.InvokeFunctionRequest(invocation_type=pb.INVOCATION_TYPE_EXISTING_TASK, task_id="demo",
                                       function_name=function, execution_mode=mode)
    parameter = request.parameters.add(name="text")
    parameter.value.Pack(wrappers_pb2.StringValue(value=text))
    return request


def text_of(payload):
    for wrapper in (wrappers_pb2.StringValue(), wrappers_pb2.BytesValue()):
        if payload.Unpack(wrapper):
            return wrapper.value if isinstance(wrapper.value, str) else wrapper.value.decode()
    raise AssertionError(f"unexpected payload {payload.type_url}")


def refused(channel, token, request=None):
    try:
        call(channel, "InvokeFunction", request or invocation("echo", pb.EXECUTION_MODE_SYNC), token)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def status_over_http(path):
    request = urllib.request.Request(os.environ["HTTP"] + path,
                                     headers={"Authorization": f"Bearer {os.environ['TOKEN']}"})
    context = ssl.create_default_context(cafile=os.environ["CA"])
    with urllib.request.urlopen(request, context=context, timeout=30) as response:
        return json.load(response)


def main():
    channel = connect()

    answer = call(channel, "InvokeFunction", invocation("echo", pb.EXECUTION_MODE_SYNC, "hello"))
    assert answer.result.status == pb.EXECUTION_STATUS_COMPLETED, answer
    assert text_of(answer.result.result) == "hello", answer

    accepted = call(channel, "InvokeFunction", invocation("echo", pb.EXECUTION_MODE_ASYNC, "later"))
    assert accepted.success and accepted.status_endpoint, accepted
    until = time.monotonic() + 30
    while True:  # poll the endpoint, as its answer says
        status = status_over_http(accepted.status_endpoint)
        if status["result"]["status"] not in ("EXECUTION_STATUS_PENDING", "EXECUTION_STATUS_RUNNING"):
            break
        assert time.monotonic() < until, status
        time.sleep(0.05)
    assert status["result"]["status"] == "EXECUTION_STATUS_COMPLETED", status

    endless = call(channel, "InvokeFunction", invocation("sleep", pb.EXECUTION_MODE_ASYNC))
    cancelled = call(channel, "CancelExecution", pb.CancelExecutionRequest(execution_id=endless.execution_id))
    assert cancelled.success, cancelled
    while True:
        status = call(channel, "GetExecutionStatus", pb.GetExecutionStatusRequest(execution_id=endless.execution_id))
        if status.result.status == pb.EXECUTION_STATUS_CANCELLED:
            break
        assert time.monotonic() < until, status
        time.sleep(0.05)

    messages = call(channel, "StreamFunction", invocation("count", pb.EXECUTION_MODE_STREAM))
    chunks = "".join(text_of(m.chunk_data) for m in messages if m.HasField("chunk_data"))
    assert chunks.split() == ["1", "2", "3"] and messages[-1].is_final, messages

    tasks = call(channel, "ListTasks", pb.ListTasksRequest())
    assert [task.task_id for task in tasks.tasks] == ["demo"], tasks
    executions = call(channel, "ListExecutions", pb.ListExecutionsRequest(task_id="demo"))
    assert endless.execution_id in [e.execution_id for e in executions.executions], executions

    assert refused(channel, None) == grpc.StatusCode.UNAUTHENTICATED
    assert refused(channel, "wrong") == grpc.StatusCode.UNAUTHENTICATED
    assert refused(channel, os.environ["READER"]) == grpc.StatusCode.PERMISSION_DENIED
    unknown = invocation("echo", pb.EXECUTION_MODE_SYNC)
    unknown.task_id = "none"
    assert refused(channel, os.environ["TOKEN"], unknown) == grpc.StatusCode.NOT_FOUND


main()

#!/usr/bin/env python3
"""soak.py PROGRAM [SECONDS]: the worst clients at once, at full speed, against one server.

Fails if the server ends, if its resident memory passes the budget by 15 %, if the 99th percentile of
another client's status queries passes 50 ms, or if it does not answer afterwards. Needs grpcio and
protoc. The clients are processes beside the server, so figures of a loaded machine say little.
"""

import itertools
import json
import multiprocessing
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUDGET = 512 << 20
SYNC, ASYNC, STREAM = 1, 2, 3
RUNNING_OUT = 60

SCENARIO = {
    "about": "what the soak calls",
    "node": {"slots": 16},
    "functions": {
        "quick": {"service": "0s", "result": "x"},
        "large": {"service": "0s", "result": "y" * 1_000_000},
        "hang": {"fates": ["hangs"], "on_stop": "ignores"},
    },
    "steps": [{"health": {}}],
}


def calls(address, options=()):
    """A function that calls a method and returns the code's name; the answer is in `.answer`."""
    import spearlet.function_pb2 as pb

    channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1), *options])

    def call(name, request, timeout=10):
        method = pb.DESCRIPTOR.services_by_name["FunctionService"].methods_by_name[name]
        stub = channel.unary_unary(f"/spearlet.FunctionService/{name}",
                                   request_serializer=type(request).SerializeToString,
                                   response_deserializer=getattr(pb, method.output_type.name).FromString)
        try:
            call.answer = stub(request, timeout=timeout)
            return "OK"
        except grpc.RpcError as error:
            return error.code().name

    return call, pb


def invocation(pb, function, mode, payload=b"", **fields):
    request = pb.InvokeFunctionRequest(invocation_type=2, task_id=function, function_name=function,
                                       execution_mode=mode, **fields)
    if payload:
        request.parameters.add(name="p").value.value = payload
    return request


# ---- the clients; each runs until it is killed ----

def large_requests(address):
    call, pb = calls(address)
    while True:
        call("InvokeFunction", invocation(pb, "hang", ASYNC, b"x" * 3_900_000))


def large_results(address):
    call, pb = calls(address, [("grpc.max_receive_message_length", -1)])
    while True:
        if call("InvokeFunction", invocation(pb, "large", ASYNC)) == "OK":
            call("GetExecutionStatus", pb.GetExecutionStatusRequest(
                execution_id=call.answer.execution_id, include_result=True, include_logs=True))


def new_tasks(address):
    call, pb = calls(address)
    for number in itertools.count():
        call("InvokeFunction", pb.InvokeFunctionRequest(
            invocation_type=1, task_name=f"{number}-" + "n" * 200, task_description="d" * 4000, function_name="quick",
            execution_mode=ASYNC, create_if_not_exists=True))


def many_short(address):
    call, pb = calls(address)
    for number in itertools.count():
        call("InvokeFunction", invocation(pb, "quick", ASYNC, execution_id=f"{os.getpid()}-{number}"))


def lists(address):
    call, pb = calls(address)
    while True:
        call("ListExecutions", pb.ListExecutionsRequest(limit=10_000))
        call("ListTasks", pb.ListTasksRequest(limit=10_000, include_details=True))


def deletions(address):
    call, pb = calls(address)
    while True:
        if call("ListTasks", pb.ListTasksRequest(limit=100)) != "OK":
            continue
        for task in call.answer.tasks:
            if task.task_id not in SCENARIO["functions"]:
                call("DeleteTask", pb.DeleteTaskRequest(task_id=task.task_id, force=True, cleanup_executions=True))


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):
    """A field that is not indexed (RFC 7541, 6.2.2); short texts only."""
    return bytes([0, len(name)]) + name + bytes([len(value)]) + value


def resets(address):
    """Calls that are reset as soon as they are sent."""
    from spearlet import function_pb2 as pb

    block = b"".join(header(*field) for field in [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/spearlet.FunctionService/InvokeFunction"),
        (b":authority", b"x"), (b"content-type", b"application/grpc"), (b"te", b"trailers")])
    body = invocation(pb, "hang", SYNC, b"x" * 1000).SerializeToString()
    message = b"\0" + struct.pack(">I", len(body)) + body
    host, port = address.rsplit(":", 1)
    while True:
        try:
            with socket.create_connection((host, int(port))) as wire:
                wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
                for stream in range(1, 1 << 30, 2):
                    wire.sendall(frame(1, 4, stream, block) + frame(0, 1, stream, message) +
                                 frame(3, 0, stream, struct.pack(">I", 8)))
        except OSError:
            time.sleep(0.01)


def unread(address):
    """Statuses of 1 MB whose calls are cancelled before they are read."""
    call, pb = calls(address)
    while call("InvokeFunction", invocation(pb, "large", SYNC)) != "OK":
        pass
    identifier = call.answer.execution_id
    channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
    stub = channel.unary_unary("/spearlet.FunctionService/GetExecutionStatus")
    request = pb.GetExecutionStatusRequest(execution_id=identifier, include_result=True).SerializeToString()
    while True:
        open_calls = [stub.future(request, timeout=5) for _ in range(200)]
        for one in open_calls:
            one.cancel()


def probe(address, seconds, results):
    """Status queries of a well-behaved client."""
    call, pb = calls(address)
    times, codes = [], {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        start = time.perf_counter()
        code = call("GetExecutionStatus", pb.GetExecutionStatusRequest(execution_id="none"))
        times.append(time.perf_counter() - start)
        codes[code] = codes.get(code, 0) + 1
        time.sleep(0.005)
    results.put((sorted(times), codes))


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def main():
    program = os.path.abspath(sys.argv[1])
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", f"-I{ROOT}/proto", f"--python_out={folder}",
                        f"{ROOT}/proto/spearlet/function.proto"], check=True)
        sys.path.insert(0, folder)
        scenario = pathlib.Path(folder, "scenario.json")
        scenario.write_text(json.dumps(SCENARIO))
        log = open(pathlib.Path(folder, "log"), "w+")
        server = subprocess.Popen(
            [program, "serve", "--runtime", "simulated", "--scenario", scenario, "--listen", "127.0.0.1:0",
             "--max-memory-bytes", str(BUDGET), "--drain-timeout", "1s"],
            stdout=subprocess.PIPE, stderr=log, text=True)
        address = server.stdout.readline().split()[-1]
        results = multiprocessing.Queue()
        prober = multiprocessing.Process(target=probe, args=(address, seconds, results))
        clients = [multiprocessing.Process(target=client, args=(address,), daemon=True)
                   for client in (large_requests, large_results, new_tasks, many_short, lists, deletions, resets, unread)]
        for process in [prober, *clients]:
            process.start()
        peak = 0
        while results.empty() and prober.is_alive() and server.poll() is None:
            peak = max(peak, resident(server.pid))
            time.sleep(0.05)
        ended = server.poll()
        for client in clients:
            client.kill()
        problems = []
        if ended is not None:
            problems.append(f"the server ended with {ended}")
            prober.kill()
            times, codes = [float("nan")], {}
        else:
            times, codes = results.get(timeout=60)
            call, pb = calls(address)
            until = time.monotonic() + RUNNING_OUT
            while (code := call("GetHealth", pb.GetHealthRequest())) != "OK" and time.monotonic() < until:
                time.sleep(0.1)
            if code != "OK":
                problems.append(f"afterwards a call gets {code}")
            server.send_signal(signal.SIGTERM)
            if server.wait(timeout=RUNNING_OUT) not in (0, 1):
                problems.append(f"it ended with {server.returncode}")
        p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
        if peak > BUDGET * 1.15:
            problems.append("too much memory")
        if not p99 < 0.05:
            problems.append("status queries take too long")
        print(f"{seconds:.0f} s, peak {peak >> 20} MiB of {BUDGET >> 20}, status p50 {p50 * 1000:.1f} ms, "
              f"p99 {p99 * 1000:.1f} ms, longest {times[-1] * 1000:.1f} ms, {codes}")
        print("; ".join(problems) or "passed")
        return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""Serving a plugin to the host that started this process, over go-plugin's gRPC protocol."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from . import handshake, lifeline, wire
from ._proto import method_pb2
from .backbone import Backbone, trace_network
from .custom import CustomOp, call
from .diagnostic import diagnose
from .method import Method, Regulariser
from .tracing import trace_method, trace_regulariser

__all__ = ["serve"]

_GRACE = 0.2  # seconds for an answer that is on its way when the host says goodbye


def serve(plugin: Method | Regulariser | Backbone) -> NoReturn:
    """Serve until the host has done, then end the process. Started by hand, it says what it is and exits with status 1.

    What the plugin prints goes to the host's log and cannot disturb the protocol. An exception in an answer becomes an error
    that the user sees, with the author's line. The process ends with its host, even when that is killed."""
    if not handshake.started():
        sys.stderr.write(_introduction(plugin))
        sys.exit(1)
    greeting = _claim_stdout()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's
    folder = os.environ.get(handshake.SOCKET_DIR) or tempfile.mkdtemp(prefix="sslctl-")
    lifeline.watch(lambda: lifeline.remove_sockets(folder))
    done = threading.Event()
    server, greeting_line = _listen(plugin, folder, done)
    server.start()
    os.write(greeting, greeting_line.encode())
    done.wait()
    server.stop(_GRACE).wait()
    sys.stdout.flush()
    os._exit(0)  # not by way of gRPC's threads, which take their time


def _claim_stdout() -> int:
    """Keep standard output for the handshake; what prints, from here on prints to standard error."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # a line at a time into the host's log, as from standard error
    return kept


def _listen(plugin: Method | Regulariser | Backbone, folder: str, done: threading.Event) -> tuple[grpc.Server, str]:
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4),
        options=[
            ("grpc.max_receive_message_length", wire.MAX_BYTES),
            ("grpc.max_send_message_length", wire.MAX_BYTES),
        ],
    )
    server.add_generic_rpc_handlers((_plugin_service(plugin), _controller(done)))
    checks = health.HealthServicer()
    checks.set("plugin", health_pb2.HealthCheckResponse.SERVING)  # the name by which go-plugin asks
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    fd, socket = tempfile.mkstemp(prefix="plugin", dir=folder)
    os.close(fd)
    os.unlink(socket)
    if not os.environ.get(handshake.CLIENT_CERTIFICATE):
        server.add_insecure_port(f"unix:{socket}")
        return server, handshake.line(socket, None)
    certificate = handshake.Certificate.new()
    # The host proves itself by reaching the socket, whose folder is its user's alone. Its certificate is on P-521, which
    # gRPC's BoringSSL does not verify, so it is not asked for; the host does verify ours.
    credentials = grpc.ssl_server_credentials([(certificate.key, certificate.certificate)])
    server.add_secure_port(f"unix:{socket}", credentials)
    return server, handshake.line(socket, certificate)


def _plugin_service(plugin: Method | Regulariser | Backbone) -> grpc.GenericRpcHandler:
    def describe(_: method_pb2.DescribeRequest) -> method_pb2.DescribeResponse:
        return method_pb2.DescribeResponse(kind=wire.kind(plugin), description=wire.description(plugin.describe()))

    ops: dict[str, CustomOp] = {}

    def trace(request: method_pb2.TraceRequest) -> method_pb2.TraceResponse:
        return method_pb2.TraceResponse(traced=_trace(plugin, request)[0])

    def open_(request: method_pb2.OpenRequest) -> method_pb2.OpenResponse:
        traced, found = _trace(plugin, request.trace)
        ops.update(found)
        return method_pb2.OpenResponse(traced=traced, shared=False)  # tensors come and go in the messages

    def compute(request: method_pb2.CallRequest) -> method_pb2.CallResponse:
        return method_pb2.CallResponse(result=_call(ops, request))

    return grpc.method_handlers_generic_handler(
        "sslctl.method.v1.PluginService",
        {
            "Describe": _answering(describe, method_pb2.DescribeRequest, method_pb2.DescribeResponse),
            "Trace": _answering(trace, method_pb2.TraceRequest, method_pb2.TraceResponse),
            "Open": _answering(open_, method_pb2.OpenRequest, method_pb2.OpenResponse),
            "Call": _answering(compute, method_pb2.CallRequest, method_pb2.CallResponse),
        },
    )


def _trace(plugin: Method | Regulariser | Backbone, request: method_pb2.TraceRequest) -> tuple[bytes, Mapping[str, CustomOp]]:
    """What the plugin writes, encoded, and the custom ops in it."""
    given = wire.settings(request.params)
    if isinstance(plugin, Backbone):
        return wire.encode_network(trace_network(plugin, given, wire.images(request.images))), {}
    shapes = wire.shapes(request.shapes)
    if isinstance(plugin, Method):
        traced = trace_method(plugin, given, shapes)
        return wire.encode_traced(traced), traced.program.ops
    penalty = trace_regulariser(plugin, given, shapes, request.unit)
    return wire.encode_penalty(penalty), penalty.ops


def _call(ops: Mapping[str, CustomOp], request: method_pb2.CallRequest) -> bytes:
    """A pass through a custom op over little-endian float32."""
    import numpy as np  # which a plugin without custom ops need not have

    op = ops.get(request.op)
    if op is None:
        raise ValueError(f'there is no custom op "{request.op}" in what was traced')
    inputs = [tuple(s.axes) for s in request.inputs]
    numbers = np.frombuffer(request.tensors, dtype="<f4")
    return call(op, inputs, numbers, getattr(request, "pass") == method_pb2.PASS_BACKWARD).astype("<f4").tobytes()


def _answering(answer: Callable[[Any], Any], request: type, response: type) -> grpc.RpcMethodHandler:
    """A call whose exceptions are answers: as a status they would reach the user without a word of their cause."""

    def call(message: Any, _: grpc.ServicerContext) -> Any:
        try:
            return answer(message)
        except (Exception, SystemExit) as e:
            return response(diagnostics=[wire.diagnostic(diagnose(e))])

    return grpc.unary_unary_rpc_method_handler(call, request.FromString, response.SerializeToString)


def _controller(done: threading.Event) -> grpc.GenericRpcHandler:
    """go-plugin's goodbye, without which the host waits and then kills."""

    def shutdown(_: empty_pb2.Empty, __: grpc.ServicerContext) -> empty_pb2.Empty:
        done.set()
        return empty_pb2.Empty()

    handler = grpc.unary_unary_rpc_method_handler(
        shutdown, empty_pb2.Empty.FromString, empty_pb2.Empty.SerializeToString
    )
    return grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": handler})


def _introduction(plugin: Method | Regulariser | Backbone) -> str:
    """What a plugin says that was started by hand."""
    d = plugin.describe()
    kind, use = "method", f"sslctl run --method {d.name} --plugin-dir DIR"
    if isinstance(plugin, Regulariser):
        kind, use = "regulariser", f"sslctl run --add-reg {d.name} --plugin-dir DIR"
    if isinstance(plugin, Backbone):
        kind, use = "backbone", f"sslctl run --backbone {d.name} --plugin-dir DIR"
    return (
        f"{d.name} {d.version} is a {kind} for sslctl, which starts it by itself:\n\n    {use}\n\n"
        f"DIR is the folder of this file, named sslctl-{kind}-{d.name}.\n"
    )

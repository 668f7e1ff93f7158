"""What a plugin process and its host must agree on: go-plugin's protocol, as sdk/plugin speaks it. The values never change."""

from __future__ import annotations

import base64
import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Certificate", "line", "started"]

VERSION = 1
"""The version of the protocol: the v1 of the protobuf package sslctl.method.v1."""

_CORE = 1  # of go-plugin itself
_COOKIE = ("SSLCTL_PLUGIN_COOKIE", "7b1f0c2e5a6d4f3980e1c95b2d8a4471")

LIFELINE = "SSLCTL_PLUGIN_LIFELINE"
"""The variable with the file descriptor that ends when the host does."""

LOG_LEVEL = "SSLCTL_LOG_LEVEL"
"""The variable with the level of the host's log, by zap's names."""

SOCKET_DIR = "PLUGIN_UNIX_SOCKET_DIR"
"""go-plugin's variable with the folder for the socket."""

CLIENT_CERTIFICATE = "PLUGIN_CLIENT_CERT"
"""go-plugin's variable with the host's certificate; set where the host wants TLS."""


def started(env: Mapping[str, str] = os.environ) -> bool:
    """Whether this process was started by a host. The cookie is a courtesy to whoever runs a plugin by hand, no secret."""
    return env.get(_COOKIE[0]) == _COOKIE[1]


@dataclass(frozen=True)
class Certificate:
    """A certificate for one connection, which the host learns by the handshake and trusts alone."""

    key: bytes  # PEM
    certificate: bytes  # PEM
    der: bytes

    @classmethod
    def new(cls) -> Certificate:
        """A certificate of localhost, the name by which go-plugin asks, on P-256, which every TLS library knows."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.timezone.utc)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(seconds=30))
            .not_valid_after(now + datetime.timedelta(days=10_957))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(private, made.public_bytes(serialization.Encoding.PEM), made.public_bytes(serialization.Encoding.DER))


def line(socket: str, certificate: Certificate | None) -> str:
    """The line on standard output by which the host finds the plugin."""
    cert = base64.b64encode(certificate.der).decode().rstrip("=") if certificate else ""
    return f"{_CORE}|{VERSION}|unix|{socket}|grpc|{cert}\n"

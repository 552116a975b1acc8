"""The processes that `benchmarks/relay.py` starts and measures: other relays of the same chunks, and their children.

    python benchmarks/relay_contenders.py relay aioquic|qh3      a server of the library's own, over asyncio
    python benchmarks/relay_contenders.py children aioquic|qh3 PORT COUNT
    python benchmarks/relay_contenders.py floor                  a relay that is nothing but sealing and `sendto`
    python benchmarks/relay_contenders.py floor-children PORT COUNT

Each writes a line when it is ready (a relay its port), answers each line that it reads with how many chunks have come,
and ends when its input does. This file imports nothing of Meshcast, so that it runs wherever the library is.
"""

import asyncio
import contextlib
import datetime as dt
import importlib
import os
import select
import socket
import ssl
import sys
import threading
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

CHUNK_BYTES = 900
CHUNK_S = 0.1
ALPN = "relay"
KEY, NONCE, HEADER = bytes(16), bytes(12), bytes(11)
counts = {"chunks": 0}


def say(line: object) -> None:
    print(line, flush=True)


def answer_questions() -> None:
    """Tell the count whenever asked, and end the process with the one that asks."""
    for _ in sys.stdin:
        say(counts["chunks"])
    os._exit(0)


def server_configuration(library: str) -> Any:
    """Configure a server with a key of the library's default kind."""
    configuration = importlib.import_module(f"{library}.quic.configuration").QuicConfiguration(
        is_client=False, alpn_protocols=[ALPN], max_datagram_frame_size=65_535
    )
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    certificate = builder.sign(key, SHA256())
    if library == "aioquic":
        configuration.certificate, configuration.private_key = certificate, key
    else:
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        configuration.load_cert_chain(certificate.public_bytes(Encoding.PEM), private)
    return configuration


async def relay(library: str) -> None:
    """Pass each chunk on to everybody else, with the library's own server."""
    protocol = importlib.import_module(f"{library}.asyncio.protocol").QuicConnectionProtocol
    events = importlib.import_module(f"{library}.quic.events")
    members: list[Any] = []

    class Member(protocol):  # type: ignore[misc]
        def quic_event_received(self, event: Any) -> None:
            if isinstance(event, events.DatagramFrameReceived):
                for member in members:
                    if member is not self:
                        member._quic.send_datagram_frame(event.data)  # noqa: SLF001 - there is no other way
                        member.transmit()
            elif isinstance(event, events.HandshakeCompleted):
                members.append(self)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = importlib.import_module(f"{library}.asyncio.server").serve
    await serve("127.0.0.1", port, configuration=server_configuration(library), create_protocol=Member)
    say(port)
    await asyncio.Future()


async def children(library: str, port: int, count: int) -> None:
    """Hear the relay `count` times over, and be its source as well."""
    connect = importlib.import_module(f"{library}.asyncio.client").connect
    protocol = importlib.import_module(f"{library}.asyncio.protocol").QuicConnectionProtocol
    events = importlib.import_module(f"{library}.quic.events")
    configuration = importlib.import_module(f"{library}.quic.configuration").QuicConfiguration(
        is_client=True, alpn_protocols=[ALPN], max_datagram_frame_size=65_535, verify_mode=ssl.CERT_NONE
    )

    class Child(protocol):  # type: ignore[misc]
        def quic_event_received(self, event: Any) -> None:
            counts["chunks"] += isinstance(event, events.DatagramFrameReceived)

    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            child = connect("127.0.0.1", port, configuration=configuration, create_protocol=Child)
            await stack.enter_async_context(child)
        source = await stack.enter_async_context(connect("127.0.0.1", port, configuration=configuration))
        say("ready")
        due = time.monotonic()
        while True:
            source._quic.send_datagram_frame(os.urandom(CHUNK_BYTES))  # noqa: SLF001 - there is no other way
            source.transmit()
            due += CHUNK_S
            await asyncio.sleep(due - time.monotonic())


def floor() -> None:
    """Relay with nothing but what nobody can do without: open, check one signature, seal and send for each child."""
    signer = Ed25519PrivateKey.generate()
    body = bytes(CHUNK_BYTES - 64)
    signature, public = signer.sign(body), signer.public_key()
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    say(bound.getsockname()[1])
    keys: dict[tuple[str, int], AESGCM] = {}
    source = AESGCM(KEY)
    while True:
        data, sender = bound.recvfrom(2_048)
        if data == b"child":
            keys[sender] = AESGCM(KEY)
            continue
        chunk = source.decrypt(NONCE, data[11:], data[:11])
        public.verify(signature, body)
        for address, key in keys.items():
            bound.sendto(HEADER + key.encrypt(NONCE, chunk, HEADER), address)


def floor_children(port: int, count: int) -> None:
    """Hear that relay `count` times over, and be its source as well."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count + 1)]
    for one in sockets:
        one.connect(("127.0.0.1", port))
    *hearing, source = sockets
    for one in hearing:
        one.send(b"child")
    say("ready")
    key, due = AESGCM(KEY), time.monotonic()
    while True:
        source.send(HEADER + key.encrypt(NONCE, os.urandom(CHUNK_BYTES), HEADER))
        due += CHUNK_S
        while (left := due - time.monotonic()) > 0:
            for one in select.select(hearing, [], [], left)[0]:
                one.recv(2_048)
                counts["chunks"] += 1


def main() -> None:
    threading.Thread(target=answer_questions, daemon=True).start()
    match sys.argv[1:]:
        case ["relay", library]:
            asyncio.run(relay(library))
        case ["children", library, port, count]:
            asyncio.run(children(library, int(port), int(count)))
        case ["floor"]:
            floor()
        case ["floor-children", port, count]:
            floor_children(int(port), int(count))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()

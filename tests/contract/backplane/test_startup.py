"""What an operator is told when Redis can't be used, and that no secret is part of it; and TLS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from loadtest.processes import free_port
from server.errors import StartupError
from tests.contract.backplane.witness import Scene, Witness
from tests.support.redis import RedisCluster, RedisSentinel, RedisServer

SECRET = "correct horse%2Fstaple"


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    """A server with a password, and users who may do some of what is needed."""
    with RedisServer(password="correct horse/staple") as server:
        server.command("ACL", "SETUSER", "whole", "on", ">pw", "~p:*", "&p:*", "+@all")
        server.command("ACL", "SETUSER", "deaf", "on", ">pw", "~p:*", "resetchannels", "+@all")
        server.command("ACL", "SETUSER", "keyless", "on", ">pw", "~other:*", "&*", "+@all")
        server.command("ACL", "SETUSER", "scriptless", "on", ">pw", "~*", "&*", "+@all", "-eval", "-evalsha")
        yield server


async def refusal(url: str) -> str:
    """The sentence that a start with ``url`` ends with."""
    one = Witness(url, "one")
    with pytest.raises(StartupError) as caught:
        await one.start()
    await one.backplane.close()
    assert caught.value.remedy
    assert not one.backplane.is_up
    return str(caught.value)


Url = Callable[[int], str]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (lambda port: f"redis://127.0.0.1:{port}", "does not let us in"),
        (lambda port: f"redis://:hunter2@127.0.0.1:{port}", "Correct user and password in redis_url."),
        (lambda port: f"redis://nobody:hunter2@127.0.0.1:{port}", "Correct user and password in redis_url."),
        (lambda port: f"redis://:{SECRET}@127.0.0.1:{port}/99", "has no database 99"),
        (lambda port: f"redis+cluster://:{SECRET}@127.0.0.1:{port}", "is no Cluster. Begin redis_url with redis://"),
        (lambda port: f"rediss://:{SECRET}@127.0.0.1:{port}", "does not answer in TLS"),
        (lambda port: f"redis://deaf:pw@127.0.0.1:{port}?prefix=p", "Allow that user"),
        (lambda port: f"redis://keyless:pw@127.0.0.1:{port}?prefix=p", "Allow that user"),
        (lambda port: f"redis://scriptless:pw@127.0.0.1:{port}?prefix=p", "Allow that user"),
    ],
)
async def test_a_redis_that_refuses_is_explained(guarded: RedisServer, url: Url, said: str) -> None:
    sentence = await refusal(url(guarded.port))
    assert said in sentence
    for secret in ("hunter2", "horse", "pw@"):
        assert secret not in sentence


async def test_a_user_who_may_do_what_is_needed_is_let_in(guarded: RedisServer) -> None:
    scene = Scene()
    url = f"redis://whole:pw@127.0.0.1:{guarded.port}?prefix=p"
    one, two = await scene.witness(url, "one"), await scene.witness(url, "two")
    await one.listen("conv:a")
    await scene.hears_again(two, one, ["conv:a"])
    await one.registry.beat([])
    assert await two.registry.workers() == 2
    await scene.close()


async def test_nobody_there() -> None:
    port = free_port()
    assert f"127.0.0.1:{port} can't be reached" in await refusal(f"redis://127.0.0.1:{port}")
    assert "can't be reached" in await refusal(f"redis+cluster://127.0.0.1:{port},127.0.0.1:{free_port()}")
    assert "can't be reached" in await refusal(f"redis+sentinel://127.0.0.1:{port}/mymaster")


async def test_a_name_that_nobody_has() -> None:
    assert "Correct the host in redis_url." in await refusal("redis://no-such-host.invalid:6379")


@pytest.mark.parametrize(
    ("greeting", "said"), [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no Redis"), (b"", "does not answer")]
)
async def test_somebody_else_there(greeting: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            caller, _ = listener.accept()
            caller.sendall(greeting)
            ended.wait(20)
            caller.close()

        ended = threading.Event()
        thread = threading.Thread(target=greet)
        thread.start()
        try:
            assert said in await refusal(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            ended.set()
            thread.join()


async def test_sentinels_that_know_no_such_service(redis_sentinel: RedisSentinel) -> None:
    sentinel = redis_sentinel.sentinels[0]
    said = await refusal(f"redis+sentinel://127.0.0.1:{sentinel.port}/other")
    assert "no service named 'other'" in said
    assert "redis+sentinel://" in await refusal(f"redis://127.0.0.1:{sentinel.port}")


async def test_a_database_of_a_cluster(redis_cluster: RedisCluster) -> None:
    url = f"redis://127.0.0.1:{redis_cluster.servers[0].port}/1"
    assert "a Cluster has only 0" in await refusal(url)


async def test_databases_of_one_server_are_apart(redis_server: RedisServer) -> None:
    scene = Scene()
    base = f"redis://127.0.0.1:{redis_server.port}"
    zero, one = await scene.witness(f"{base}/0", "zero"), await scene.witness(f"{base}/1", "one")
    other = await scene.witness(f"{base}/1?prefix=other", "other")
    again = await scene.witness(f"{base}/1", "again")
    for each in (zero, one, other, again):
        await each.listen("conv:a")
        await each.registry.beat([])
    await one.ring("conv:a", 1)
    await scene.hears_again(one, again, ["conv:a"])
    assert (zero.heard, other.heard) == ({}, {})
    assert [await each.registry.workers() for each in (zero, one, other)] == [1, 2, 1]
    await scene.close()


# --------------------------------------------------------------------------- TLS


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "redis.crt", folder / "redis.key"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


async def test_tls_is_spoken_and_strangers_are_not_trusted(tmp_path: Path) -> None:
    trusted, key = certificate(tmp_path)
    port = free_port()
    options = ("--tls-port", str(port), "--tls-cert-file", str(trusted), "--tls-key-file", str(key))
    with RedisServer(*options, "--tls-auth-clients", "no"):
        assert "Check its certificate" in await refusal(f"rediss://127.0.0.1:{port}")
        scene = Scene()
        url = f"rediss://127.0.0.1:{port}?ssl_ca_certs={trusted}"
        one, two = await scene.witness(url, "one"), await scene.witness(url, "two")
        await one.listen("conv:a")
        await scene.hears_again(two, one, ["conv:a"])
        await scene.close()

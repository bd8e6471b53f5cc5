"""Reading ``redis_url``."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.backplane.redis.address import RedisAddress, parse_address
from server.errors import StartupError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", RedisAddress("single", (("cache", 6379),))),
        ("redis://cache:7000/3", RedisAddress("single", (("cache", 7000),), db=3)),
        ("redis://:pw@cache", RedisAddress("single", (("cache", 6379),), password="pw")),
        ("redis://ann:p%40%2Fw@cache/", RedisAddress("single", (("cache", 6379),), username="ann", password="p@/w")),
        ("redis://[::1]:7000", RedisAddress("single", (("::1", 7000),))),
        ("rediss://cache", RedisAddress("single", (("cache", 6379),), tls={})),
        (
            "rediss://cache?ssl_ca_certs=/ca.pem&ssl_check_hostname=false&prefix=chat",
            RedisAddress(
                "single",
                (("cache", 6379),),
                tls={"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False},
                prefix="chat",
            ),
        ),
        ("redis+cluster://a,b:7001", RedisAddress("cluster", (("a", 6379), ("b", 7001)))),
        ("redis+sentinel://a,b:7001", RedisAddress("sentinel", (("a", 26379), ("b", 7001)), service="mymaster")),
        (
            "redis+sentinel://:pw@a/chat/2?sentinel_password=other",
            RedisAddress("sentinel", (("a", 26379),), service="chat", db=2, password="pw", sentinel_password="other"),
        ),
        ("rediss+sentinel://a/chat", RedisAddress("sentinel", (("a", 26379),), service="chat", tls={})),
    ],
)
def test_what_a_url_says(url: str, expected: RedisAddress) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is no address of a Redis"),
        ("cache:6379", "is no address of a Redis"),
        ("http://cache", "is no address of a Redis"),
        ("redis+bus://cache", "is no address of a Redis"),
        ("redis://", "names the host ''"),
        ("redis://cache:99999", "names the host 'cache:99999'"),
        ("redis://cache:0", "names the host 'cache:0'"),
        ("redis+cluster://a,,b", "names the host ''"),
        ("redis://a,b", "several hosts. Begin it with redis+cluster://"),
        ("redis://cache/first", "names the database 'first'"),
        ("redis://cache/-1", "names the database '-1'"),
        ("redis+cluster://cache/1", "names database 1, but a Redis Cluster has only 0"),
        ("redis://cache?timeout=3", "unknown option 'timeout'. It takes prefix,"),
        ("rediss://cache?ssl_cert_reqs=maybe", "ssl_cert_reqs=maybe"),
    ],
)
def test_what_is_wrong_is_named(url: str, said: str) -> None:
    with pytest.raises(StartupError) as caught:
        parse_address(url)
    assert said in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("rest", ["cache:none", "cache/first", "a,b", "cache?odd=1", "cache#"])
def test_no_refusal_shows_the_password(rest: str) -> None:
    with pytest.raises(StartupError) as caught:
        parse_address(f"redis://ann:hunter2@{rest}")
    assert "hunter2" not in str(caught.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_user_and_password_survive_percent_encoding_and_stay_unseen(user: str, password: str) -> None:
    name, secret = quote(user, safe="", errors="surrogatepass"), quote(password, safe="", errors="surrogatepass")
    address = parse_address(f"redis+sentinel://{name}:{secret}@host/service/1?sentinel_password={secret}")
    assert parse_address(str(address)).hosts == address.hosts
    assert (address.service, address.db) == ("service", 1)
    if not any("\ud800" <= letter <= "\udfff" for letter in user + password):
        assert (address.username, address.password, address.sentinel_password) == (user, password, password)
    bare = RedisAddress("sentinel", address.hosts, service="service", db=1, username=address.username)
    assert repr(address) == repr(bare)
    assert str(address) == "redis+sentinel://host:26379/service/1"

"""Each rule of access control is tested against a minimal ASGI application, without a network."""

import asyncio
import json

import pytest

from nasion.errors import ConfigError
from nasion.studio.server.access import COOKIE, SECURITY_HEADERS, AccessControl, RejectedError, is_local

HOME = "127.0.0.1:8008"
PORT = 8008


async def echo(scope, receive, send):
    """Answer with the body that was received."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


class Response:
    def __init__(self, messages):
        start, *parts = messages
        self.status, self.header_list = start["status"], start["headers"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.body = b"".join(part["body"] for part in parts)

    @property
    def error(self):
        return json.loads(self.body)["error"]


def ask(
    headers=(),
    path="/v1/x",
    query="",
    token=None,
    chunks=(b"",),
    limit=1000,
    app=echo,
    server=("127.0.0.1", PORT),
    larger=None,
):
    """Send one request through access control and return the response."""
    sent, waiting = [], list(chunks)
    given = {"host": HOME} | dict(headers)
    scope = {
        "type": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items() if value is not None],
        "server": server,
    }

    async def receive():
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message):
        sent.append(message)

    asyncio.run(AccessControl(app, token, limit, larger)(scope, receive, send))
    return Response(sent)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
@pytest.mark.parametrize("port", ["", ":8008", ":9"])
def test_local_hosts_are_accepted_with_any_port(host, port):
    assert ask({"host": host + port}).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8008",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8008",
        "127.0.0.2",
        "0.0.0.0:8008",
        "[::2]",
        "[::1",
        "[fe80::1]:8008",
        "",
        ":8008",
        None,
    ],
)
def test_without_a_token_other_hosts_are_rejected_so_that_dns_rebinding_fails(host):
    response = ask({"host": host})
    assert response.status == 421
    assert (host or "").rsplit(":", 1)[0][:9] in response.error


def test_a_long_host_is_shortened_in_the_message():
    assert ask({"host": "x" * 500}).error.count("x") == 80


def test_with_a_token_any_host_is_accepted():
    assert ask({"host": "studio.example", "authorization": "Bearer sesame"}, token="sesame").status == 200


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("[::1]", True)])
def test_names_of_this_machine_are_local(host, local):
    assert is_local(host) is local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.2", "localhost.example", ""])
def test_other_addresses_are_not_local(host):
    assert not is_local(host)


@pytest.mark.parametrize("host", [HOME, "localhost:8008", "[::1]:8008", "localhost"])
def test_the_own_origin_is_accepted(host):
    assert ask({"host": host, "origin": f"http://{host}"}).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://evil.example:8008",
        "http://127.0.0.1",
        "http://127.0.0.1:9",
        "http://localhost:8008",
        "http://x@127.0.0.1:8008",
        "http://[::1",
        "127.0.0.1:8008",
        "null",
        "",
    ],
)
def test_other_origins_are_rejected(origin):
    response = ask({"origin": origin})
    assert response.status == 403
    assert response.error == "requests from pages of other sites are rejected"


def test_other_origins_are_rejected_even_with_the_token():
    headers = {"origin": "http://evil.example", "authorization": "Bearer sesame"}
    assert ask(headers, token="sesame").status == 403


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403), ("", 403)]
)
def test_requests_that_a_browser_marks_as_foreign_are_rejected(site, status):
    assert ask({"sec-fetch-site": site}).status == status


def test_header_names_are_case_insensitive():
    assert ask({"Origin": "http://evil.example"}).status == 403


@pytest.mark.parametrize("token", ["", "my token", "a;b", "séşame", "a\n", "sesame "])
def test_a_token_that_no_client_can_send_is_rejected_at_the_start(token):
    with pytest.raises(ConfigError, match="a token consists of letters"):
        AccessControl(echo, token, 1000)


@pytest.mark.parametrize("token", ["a", "AZ-az_09"])
def test_letters_digits_hyphens_and_underscores_make_a_token(token):
    assert AccessControl(echo, token, 1000).token == token


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": "Bearer sesame"}, ""),
        ({}, "token=sesame"),
        ({}, "a=1&token=sesame&b=2"),
        ({"cookie": f"{COOKIE}-{PORT}=sesame"}, ""),
        ({"cookie": f"a/b=1; {COOKIE}-{PORT}=sesame; flag"}, ""),
        ({"cookie": f'j={{"a":1}};{COOKIE}-{PORT}=sesame'}, ""),
        ({"cookie": f"{COOKIE}-{PORT}=sesame", "authorization": "Bearer wrong"}, "token=wrong"),
    ],
)
def test_the_token_is_accepted_as_bearer_query_or_cookie(headers, query):
    assert ask(headers, query=query, token="sesame").status == 200


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({}, "token="),
        ({}, "token=sesame2"),
        ({}, "token=sesam"),
        ({}, "Token=sesame"),
        ({}, "token=simsim&token=sesame"),
        ({"authorization": "Bearer sesam"}, ""),
        ({"authorization": "Bearer séşame".encode().decode("latin-1")}, ""),
        ({"authorization": "Basic sesame"}, ""),
        ({"cookie": "sesame"}, ""),
        ({"cookie": f"{COOKIE}=sesame"}, ""),
        ({"cookie": f"{COOKIE}-9=sesame"}, ""),
        ({"cookie": f"{COOKIE}-{PORT}-other=sesame"}, ""),
        ({"cookie": f"{COOKIE}-{PORT}=simsim"}, ""),
        ({"cookie": f"{COOKIE}-{PORT}"}, ""),
    ],
)
def test_without_the_token_requests_are_rejected(headers, query):
    response = ask(headers, query=query, token="sesame")
    assert response.status == 401
    assert "this server requires a token" in response.error
    assert "set-cookie" not in response.headers


def test_the_cookie_is_named_after_the_port():
    response = ask(query="token=sesame", token="sesame", server=("127.0.0.1", 77))
    assert response.headers["set-cookie"] == f"{COOKIE}-77=sesame; HttpOnly; SameSite=Strict; Path=/"


def test_a_server_without_an_address_such_as_a_unix_socket_has_a_cookie_too():
    response = ask(query="token=sesame", token="sesame", server=None)
    assert response.headers["set-cookie"].startswith(f"{COOKIE}-0=sesame;")


def test_no_cookie_is_set_without_the_token_in_the_address():
    assert "set-cookie" not in ask({"authorization": "Bearer sesame"}, token="sesame").headers
    assert "set-cookie" not in ask(query="token=sesame").headers


@pytest.mark.parametrize("path", ["/", "/docs"])
@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("token=sesame", ""),
        ("token=sesame&a=1", "?a=1"),
        ("a=1&token=sesame&a=2&b=%26", "?a=1&a=2&b=%26"),
    ],
)
def test_pages_redirect_to_their_address_without_the_token(path, query, rest):
    response = ask(path=path, query=query, token="sesame")
    assert (response.status, response.headers["location"]) == (303, path + rest)
    assert response.headers["set-cookie"].startswith(f"{COOKIE}-{PORT}=sesame;")
    assert response.body == b""


def test_only_pages_redirect():
    response = ask(path="/v1/models", query="token=sesame", token="sesame", chunks=(b"body",))
    assert (response.status, response.body) == (200, b"body")


def test_a_page_without_the_token_in_its_address_does_not_redirect():
    assert ask({"authorization": "Bearer sesame"}, path="/", token="sesame").status == 200
    assert ask(path="/", query="token=x").status == 200


def test_a_rejected_request_does_not_redirect():
    assert ask({"origin": "http://evil.example"}, path="/", query="token=sesame", token="sesame").status == 403


@pytest.mark.parametrize("chunks", [(b"",), (b"x" * 20,), (b"x" * 7, b"y" * 13), (b"", b"x" * 20, b"")])
def test_a_body_up_to_the_limit_is_passed_on(chunks):
    response = ask(chunks=chunks, limit=20)
    assert (response.status, response.body) == (200, b"".join(chunks))


def test_a_declared_length_up_to_the_limit_is_accepted():
    assert ask({"content-length": "20"}, chunks=(b"x" * 20,), limit=20).status == 200


async def must_not_run(scope, receive, send):
    raise AssertionError("the request reached the application")


@pytest.mark.parametrize("length", ["21", "5000000", "9" * 18, "9" * 5000])
def test_a_declared_length_above_the_limit_is_rejected_before_the_body_is_read(length):
    response = ask({"content-length": length}, chunks=(), limit=20, app=must_not_run)
    assert response.status == 413


@pytest.mark.parametrize("length", ["", "-1", "+1", "1.0", "1e1", "0x1", " 1", "1_0", "²", "many"])
def test_an_invalid_length_is_rejected(length):
    assert ask({"content-length": length}, chunks=(), app=must_not_run).status == 413


@pytest.mark.parametrize("chunks", [(b"x" * 21,), (b"x" * 20, b"y"), (b"x" * 7,) * 3])
@pytest.mark.parametrize("declared", [None, "3"])
def test_a_body_above_the_limit_is_rejected_whatever_length_it_declares(chunks, declared):
    response = ask({"content-length": declared}, chunks=chunks, limit=20)
    assert response.status == 413


def test_a_path_may_have_a_higher_limit():
    chunks = (b"x" * 600, b"y" * 600)
    assert ask(path="/v1/clip", chunks=chunks, larger={"/v1/clip": 1200}).status == 200
    assert ask(path="/v1/clip", chunks=chunks, larger={"/v1/clip": 1199}).status == 413
    assert ask(path="/v1/clip/x", chunks=chunks, larger={"/v1/clip": 1200}).status == 413


def test_the_message_about_a_large_body_names_the_limit():
    assert ask(chunks=(b"x" * 3_000_001,), limit=3_000_000).error == (
        "the request has more than 3 MB; send a smaller file"
    )


def test_a_body_that_grows_too_large_after_the_response_has_started_is_an_error():
    async def answers_first(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()

    with pytest.raises(RejectedError, match="more than 0 MB"):
        ask(chunks=(b"x" * 21,), limit=20, app=answers_first)


@pytest.mark.parametrize(
    "response",
    [
        ask(),
        ask(query="token=sesame", path="/", token="sesame"),
        ask({"host": "evil.example"}),
        ask({"origin": "null"}),
        ask(token="sesame"),
        ask(chunks=(b"x" * 30,), limit=20),
    ],
    ids=lambda response: str(response.status),
)
def test_every_response_has_the_security_headers(response):
    assert {name: response.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_security_headers_forbid_everything_from_other_sites():
    policy = SECURITY_HEADERS["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"script-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} <= set(policy)
    assert not any("http" in rule or "unsafe" in rule for rule in policy)
    assert {name: value for name, value in SECURITY_HEADERS.items() if name != "content-security-policy"} == {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "x-frame-options": "DENY",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }


def test_headers_of_the_application_take_precedence():
    async def with_policy(scope, receive, send):
        headers = [(b"Content-Security-Policy", b"default-src data:"), (b"x-own", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    response = ask(app=with_policy)
    names = [name.lower() for name, _ in response.header_list]
    assert len(names) == len(set(names)) == len(SECURITY_HEADERS) + 1
    assert response.headers["Content-Security-Policy"] == "default-src data:"


def test_an_application_may_send_no_headers():
    async def bare(scope, receive, send):
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body", "body": b""})

    assert ask(app=bare).headers == SECURITY_HEADERS


def test_an_error_is_json_with_its_length():
    response = ask({"origin": "null"})
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.body)


def test_other_connections_than_http_are_passed_on():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    scope = {"type": "lifespan"}
    asyncio.run(AccessControl(app, "sesame", 1000)(scope, "receive", "send"))
    assert seen == [(scope, "receive", "send")]


@pytest.mark.parametrize("name", ["Host", "Origin", "Cookie", "Authorization", "Content-Length"])
def test_repeated_headers_are_rejected_whichever_is_right(name):
    """The first could be checked, and the second be used."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"host", HOME.encode()), (name.lower().encode(), b"1"), (name.encode(), b"1")]
    scope = {"type": "http", "path": "/", "query_string": b"", "headers": headers, "server": ("127.0.0.1", PORT)}
    asyncio.run(AccessControl(echo, None, 1000)(scope, None, send))
    response = Response(sent)
    assert response.status == 400
    assert response.error == f'the header "{name.lower()}" must not be repeated'

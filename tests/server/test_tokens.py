"""aphex token, and what tokens may do."""

import hashlib
import sqlite3

import pytest
from callers import bearer, token

ROLES = ["read", "run", "approve", "admin"]


def test_a_token_is_told_once_and_kept_as_its_hash(server):
    server.start()
    secret = token(server, "ci", "read")
    assert server.request("GET", "/api/v1/runs", headers=bearer(secret)).status == 200
    server.stop()
    for file in server.program.state.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
            assert secret.removeprefix("aphex_").encode() not in file.read_bytes(), file
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        (kept,), = database.execute("SELECT hash FROM tokens").fetchall()
    assert kept == hashlib.sha256(secret.encode()).hexdigest()


def test_two_tokens_are_never_the_same(server):
    made = {token(server, f"t{number}") for number in range(8)}
    assert len(made) == 8


def test_the_list_shows_all_but_the_token(server):
    secret = token(server, "ci", "run", "--expires", "90d")
    listed = server.program.run("token", "list", "--format", "json", cwd="/").json
    assert [(each["name"], each["role"], each["state"]) for each in listed] == [
        ("ci", "run", "valid")]
    assert listed[0]["lastUsedAt"] is None and listed[0]["expiresAt"] > listed[0]["createdAt"]
    table = server.program.run("token", "list", cwd="/").out
    assert table.splitlines()[0].split()[:3] == ["NAME", "ROLE", "STATE"]
    assert secret not in table


def test_a_name_is_given_once(server):
    token(server, "ci")
    again = server.program.run("token", "create", "ci", "--role", "run", cwd="/")
    assert again.code == 1
    assert "there is a token ci already, and it is valid" in again.complaint


@pytest.mark.parametrize("arguments, said", [
    (["create", "a b", "--role", "read"], "this is no name for a token"),
    (["create", "../x", "--role", "read"], "this is no name for a token"),
    (["create", "x"], "needs --role"),
    (["create"], "needs a name"),
    (["create", "x", "--role", "read", "--expires", "soon"], "'soon' is no time for a token"),
    (["create", "x", "--role", "read", "--expires", "0d"], "'0d' is no time for a token"),
    (["create", "x", "--role", "read", "--expires", "99999d"], "is no time for a token to last"),
    (["revoke", "nobody"], "there is no token nobody"),
    (["list", "x"], "takes no name"),
    (["revoke", "x", "--role", "run"], "not for 'aphex token revoke'"),
])
def test_what_is_no_token(server, arguments, said):
    done = server.program.run("token", *arguments, cwd="/")
    assert done.code in (1, 2)
    assert said in done.complaint


def test_a_revoked_token_is_none_at_once(server):
    server.start()
    token(server, "root")
    secret = token(server, "ci")
    assert server.request("GET", "/api/v1/runs", headers=bearer(secret)).status == 200
    assert server.program.run("token", "revoke", "ci", cwd="/").code == 0
    answer = server.request("GET", "/api/v1/runs", headers=bearer(secret))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="aphex"'
    assert "unknown, has expired or was revoked" in answer.json["detail"]


def test_an_expired_token_is_none(server):
    server.start()
    secret = token(server, "ci", "read", "--expires", "1m")
    assert server.request("GET", "/api/v1/runs", headers=bearer(secret)).status == 200
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        database.execute("UPDATE tokens SET expires_at = 1")
    assert server.request("GET", "/api/v1/runs", headers=bearer(secret)).status == 401
    assert server.program.run("token", "list", "--format", "json", cwd="/").json[0][
        "state"] == "expired"


def test_who_revokes_the_last_token_does_not_open_the_server(server):
    server.start()
    token(server, "only")
    server.program.run("token", "revoke", "only", cwd="/")
    assert server.get("/api/v1/runs").status == 401
    removed = server.program.run("token", "remove", "only", cwd="/")
    assert "there is none any more" in removed.err
    assert server.get("/api/v1/runs").status == 200


def test_a_valid_token_is_not_forgotten(server):
    token(server, "ci")
    done = server.program.run("token", "remove", "ci", cwd="/")
    assert (done.code, "still valid" in done.complaint) == (1, True)


# One route for each role, and what asks for it.
ASKED = {
    "read": ("GET", "/api/v1/queue"),
    "run": ("POST", "/api/v1/pipelines/none/runs"),
    "admin": ("GET", "/api/v1/audit"),
}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_includes_those_before_it(server, role):
    server.start()
    secret = token(server, "ci", role)
    for needed, (method, path) in ASKED.items():
        answer = server.request(method, path, headers=bearer(secret))
        if ROLES.index(role) >= ROLES.index(needed):
            assert answer.status in (200, 404), (needed, answer.text)
        else:
            assert answer.status == 403
            assert answer.json["detail"] == (
                f"the token ci has the role {role}; this needs {needed}")


@pytest.mark.parametrize("header", [
    "Basic YTpi", "Bearer", "Bearer ", "Bearer aphex_" + "0" * 64, "aphex_" + "0" * 64,
    "Bearer " + "x" * 5000, "Bearer aphex_' OR 1=1 --"])
def test_what_is_shown_and_is_no_token(server, header):
    server.start()
    token(server)
    assert server.request("GET", "/api/v1/runs",
                          headers={"Authorization": header}).status == 401


def test_a_token_in_the_address_is_not_looked_at(server):
    server.start()
    secret = token(server)
    for query in (f"token={secret}", f"access_token={secret}"):
        assert server.get(f"/api/v1/runs?{query}").status == 401


def test_admins_make_and_revoke_tokens_over_the_api(server):
    server.start()
    root = bearer(token(server, "root"))
    json_type = {"Content-Type": "application/json"}
    made = server.request("POST", "/api/v1/tokens",
                          '{"name": "ci", "role": "run", "lifetime": "30d"}', root | json_type)
    assert made.status == 201, made.text
    assert made.headers["Cache-Control"] == "no-store"
    assert (made.json["role"], made.json["createdBy"]) == ("run", "root")
    secret = bearer(made.json["token"])
    assert server.request("GET", "/api/v1/runs", headers=secret).status == 200
    assert server.request("GET", "/api/v1/tokens", headers=secret).status == 403
    listed = server.request("GET", "/api/v1/tokens", headers=root)
    assert "token" not in listed.json["tokens"][0] and made.json["token"] not in listed.text
    gone = server.request("DELETE", "/api/v1/tokens/ci", headers=root)
    assert (gone.status, gone.json["state"]) == (200, "revoked")
    assert server.request("GET", "/api/v1/runs", headers=secret).status == 401
    assert server.request("POST", "/api/v1/tokens", '{"name": "x", "role": "king"}',
                          root | json_type).json["detail"] == "'king' is no role"

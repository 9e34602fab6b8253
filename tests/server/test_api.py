"""/api/v1: what its document says is what the server does."""

import json
import re
import subprocess
import sys

import pytest
from application import environment
from callers import bearer, token
from collectors import Collector
from openapi_spec_validator import validate
from program import REPO, wait_until
from prometheus_client.parser import text_string_to_metric_families
from telling import works

ROLES = ["read", "run", "approve", "admin"]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def api(server):
    """A server with a token, that has run a commit twice and has had a delivery."""
    server.start()
    server.root = bearer(token(server, "root", "admin"))
    for _ in range(2):
        server.deliver({}, event="star")
    server.commits = [server.application.commit(), server.application.commit()]
    for commit in server.commits:
        start(server, commit)
    return server


def start(server, commit):
    made = server.request("POST", "/api/v1/pipelines/app/runs", json.dumps({"commit": commit}),
                          server.root | JSON)
    assert made.status == 202, made.text
    number = made.json["number"]
    return wait_until(lambda: entry if (entry := get(server, f"/queue/{number}").json)[
        "state"] == "ended" else None, "the entry has ended", 60)


def get(server, path, **headers):
    sent = server.root | {name.replace("_", "-"): value for name, value in headers.items()}
    return server.request("GET", "/api/v1" + path, headers=sent)


def test_the_document_is_openapi(api):
    document = get(api, "/openapi.json").json
    validate(document)
    assert document["openapi"].startswith("3.1.")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert {operation["x-aphex-role"] for operation in operations} <= set(ROLES)


def test_the_page_of_the_api_has_every_operation():
    document = json.loads((REPO / "src" / "server" / "pages" / "openapi.json").read_text())
    rows = [f"| {method.upper()} | `{path}` | {operation['x-aphex-role']} | "
            f"{operation['summary']} |"
            for path, methods in document["paths"].items()
            for method, operation in methods.items()]
    table = "\n".join(["| | address | role | |", "|---|---|---|---|", *rows])
    assert table + "\n\n" in (REPO / "docs" / "api.md").read_text(), "docs/api.md needs:\n" + table


def test_the_roles_of_the_document_are_those_of_the_server(api):
    document = get(api, "/openapi.json").json
    asked = 0
    for smaller, role in zip(ROLES, ROLES[1:]):
        caller = bearer(token(api, f"only-{smaller}", smaller))
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                answer = api.request(method.upper(), re.sub(r"\{\w+\}", "99", path),
                                     headers=caller | JSON)
                if operation["x-aphex-role"] == role:
                    assert answer.status == 403, (method, path, answer.text)
                    assert answer.json["detail"].endswith(f"this needs {role}")
                    asked += 1
                elif ROLES.index(operation["x-aphex-role"]) <= ROLES.index(smaller):
                    assert answer.status != 403, (method, path, answer.text)
    assert asked >= 10


def test_every_operation_answers_as_the_document_says(api, tmp_path):
    """Schemathesis makes right and wrong requests of the document and checks every answer."""
    document = get(api, "/openapi.json").json
    # What a right request names is there.
    examples = {"Run": 1, "Entry": 1, "Pipeline": "app", "Token": "root"}
    for name, value in examples.items():
        document["components"]["parameters"][name]["example"] = value
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json",
         "--url", f"http://127.0.0.1:{api.port}", "--phases", "examples,coverage",
         "-H", f"Authorization: {api.root['Authorization']}",
         "--checks", "all", "--seed", "1", "--no-color",
         # It ends the token that the others are asked with; test_tokens.py has it.
         "--exclude-operation-id", "revokeToken"],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    operations = sum(len(methods) for methods in document["paths"].values())
    assert f"Selected: {operations - 1}/{operations}" in done.stdout, done.stdout
    assert f"Tested: {operations - 1}" in done.stdout, done.stdout


def test_lists_have_pages(api):
    seen, path = [], "/runs?limit=1"
    for _ in range(10):
        answer = get(api, path)
        seen += [run["id"] for run in answer.json["runs"]]
        link = answer.headers.get("Link")
        if link is None:
            break
        path = re.fullmatch(r'</api/v1(/runs\?.*)>; rel="next"', link)[1]
        assert "limit=1" in path
    assert seen == [2, 1]
    for name in ("queue", "deliveries", "audit"):
        first = get(api, f"/{name}?limit=1")
        assert len(first.json[name]) == 1 and 'rel="next"' in first.headers["Link"]
        second = get(api, re.search(r"</api/v1(.*)>", first.headers["Link"])[1])
        assert second.json[name][0]["number"] < first.json[name][0]["number"]


@pytest.mark.parametrize("query, said", [
    ("limit=0", "limit is a number from 1 to 1000"), ("limit=1001", "limit is a number"),
    ("limit=x", "limit is a number"), ("cursor=abc", "the cursor is none of this server's"),
    ("cursor=djE6YmVmb3JlOi0x", "the cursor is none"), ("state=lost", "'lost' is no state")])
def test_what_is_no_page(api, query, said):
    answer = get(api, f"/runs?{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert said in answer.json["detail"]
    assert {"type", "title", "status", "detail"} <= set(answer.json)


def test_runs_are_filtered(api):
    first, second = api.commits
    pipeline = get(api, "/runs/1").json["pipeline"]

    def found(query):
        return [run["id"] for run in get(api, f"/runs?{query}").json["runs"]]
    assert found(f"commit={first}") == [1]
    assert found(f"commit={second[:7]}") == [2]
    assert found("branch=main") == [2, 1] and found("branch=other") == []
    assert found("state=succeeded") == [2, 1] and found("state=failed") == []
    assert found(f"pipeline={pipeline}") == [2, 1] and found("pipeline=none") == []


def test_what_is_known_is_not_sent_again(api):
    for path in ("/openapi.json", "/runs", "/runs/1", "/runs/1/plan", "/runs/1/outputs",
                 "/runs/1/artifacts", "/runs/1/approvals", "/approvals", "/queue", "/queue/1",
                 "/deliveries", "/notifications", "/audit", "/tokens", "/tokens/root",
                 "/pipelines", "/pipelines/app", "/" + log_of(api)):
        is_known(api, path)


def is_known(server, path):
    """Who shows its tag is not sent it again; gives the tag."""
    answer = get(server, path)
    assert answer.status == 200, (path, answer.text)
    tag = answer.headers["ETag"]
    again = get(server, path, If_None_Match=tag)
    assert (again.status, again.text) == (304, ""), path
    # It would be the length of what is not sent (RFC 9110, 8.6).
    assert "Content-Length" not in again.headers, path
    assert again.headers["ETag"] == tag
    assert get(server, path, If_None_Match=f'"other", W/{tag}').status == 304, path
    assert get(server, path, If_None_Match='"other"').status == 200, path
    return tag


def test_what_has_changed_is_sent(api):
    tags = {path: is_known(api, path) for path in (
        "/runs", "/queue", "/queue/1", "/deliveries", "/audit", "/tokens")}
    made = api.request("POST", "/api/v1/tokens", json.dumps({"name": "ci", "role": "read"}),
                       api.root | JSON)
    assert made.status == 201
    api.deliver({}, event="star")
    start(api, api.application.commit())
    answers = {path: get(api, path, If_None_Match=tag) for path, tag in tags.items()}
    # The first entry is what it was.
    assert {path for path, answer in answers.items() if answer.status == 200} == (
        set(tags) - {"/queue/1"})
    assert all((answer.headers["ETag"] == tags[path]) == (path == "/queue/1")
               for path, answer in answers.items())


def test_notifications_have_pages_and_tags(server, tell, opened):
    chat = opened(Collector())
    tell.slack(chat, on=["start", "success"])
    tell.start()
    server.root = {}  # nobody has made a token: who is on this machine asks without one
    empty = is_known(server, "/notifications")
    works(server)
    tell.await_quiet()
    seen, path = [], "/notifications?limit=1"
    while path:
        answer = get(server, path)
        (notice,) = answer.json["notifications"]
        seen.append((notice["number"], notice["event"]))
        link = answer.headers.get("Link")
        path = link and re.fullmatch(r'</api/v1(/notifications\?.*limit=1.*)>; rel="next"', link)[1]
    assert seen == [(2, "success"), (1, "start")]
    assert "Link" not in get(server, "/notifications?limit=2").headers
    assert get(server, "/notifications", If_None_Match=empty).status == 200
    assert is_known(server, "/notifications") != empty


def test_what_runs_ask_has_tags(server):
    server.start()
    server.root = bearer(token(server, "root", "admin"))
    nothing = is_known(server, "/approvals")
    server.application.configure(environment("prod", approval={}))
    server.push()
    wait_until(lambda: get(server, "/approvals").json["approvals"], "a run asks")
    paths = ("/approvals", "/runs/1/approvals", "/runs/1/approvals/prod")
    tags = {path: is_known(server, path) for path in paths}
    assert tags["/approvals"] != nothing
    answer = server.request("POST", "/api/v1/runs/1/approvals/prod",
                            json.dumps({"decision": "approve"}), server.root | JSON)
    assert answer.status == 200, answer.text
    for path, tag in tags.items():
        assert get(server, path, If_None_Match=tag).status == 200, path
    assert is_known(server, "/approvals") == nothing
    wait_until(lambda: get(server, "/queue/1").json["state"] == "ended", "the run has ended")


def log_of(server, run=1):
    steps = get(server, f"/runs/{run}").json["steps"]
    (step,) = [each for each in steps if each["title"] == "true"]
    return f"runs/{run}/{step['log']}"


def test_a_run_with_all_that_belongs_to_it(api):
    run = get(api, "/runs/1").json
    assert [stage["state"] for stage in run["stages"]] == ["succeeded"] * len(run["stages"])
    assert {"environment": "dev", "stack": "Api", "key": "Url", "value": "http://api"} in (
        run["outputs"])
    assert get(api, "/runs/1/outputs").json["outputs"] == run["outputs"]
    assert get(api, "/runs/1/plan").json["pipeline"]["name"] == run["pipeline"]
    artifacts = get(api, "/runs/1/artifacts").json
    assert artifacts["prefix"] == run["commitSha"] + "/"
    assert "build-output.tar.gz" in {each["key"] for each in artifacts["artifacts"]}
    assert all(each["sizeBytes"] > 0 for each in artifacts["artifacts"])
    assert get(api, "/runs/99").status == 404
    assert get(api, "/runs/x").status == 404
    assert get(api, "/runs/99999999999999999999").status == 404


def test_a_log_is_followed(server):
    server.start()
    server.root = bearer(token(server, "root", "admin"))
    lines = "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.3; done"
    server.application.configure(build=[lines])
    server.application.commit()
    made = server.request("POST", "/api/v1/pipelines/app/runs", None, server.root)
    assert made.status == 202

    def step():
        if not get(server, "/runs").json["runs"]:
            return None
        found = [each for each in get(server, "/runs/1").json["steps"]
                 if each["kind"] == "run-command"]
        return found[0] if found else None
    log = "/runs/1/" + wait_until(step, "the command executes", 30)["log"]
    text, offset, answers = "", "0", 0

    def more():
        nonlocal text, offset, answers
        answer = get(server, f"{log}?offset={offset}")
        assert answer.status == 200, answer.text
        text += answer.text
        offset = answer.headers["Aphex-Log-Offset"]
        answers += 1
        return answer.headers["Aphex-Log-State"] == "complete"
    wait_until(more, "the log is complete", 30)
    assert answers > 2
    assert text == get(server, log).text
    assert [f"line {number}" for number in range(1, 7)] == [
        line for line in text.splitlines() if line.startswith("line ")]
    part = get(server, log, Range="bytes=2-5")
    assert (part.status, part.text) == (206, text[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(text)}"
    assert get(server, log, Range=f"bytes={len(text)}-").status == 416
    assert get(server, f"{log}?offset=x").status == 400
    server.headers = server.root
    wait_until(lambda: get(server, "/runs/1").json["state"] == "succeeded", "it has ended", 60)


def test_metrics_are_prometheus(api):
    get(api, "/runs/99")
    api.get("/nowhere")
    answer = api.request("GET", "/metrics", headers=api.root)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert all(family.type != "unknown" and family.documentation for family in families.values())

    def value(name, **labels):
        (found,) = [sample.value for family in families.values() for sample in family.samples
                    if sample.name == name and sample.labels == labels]
        return found
    pipeline = get(api, "/runs/1").json["pipeline"]
    assert value("aphex_runs", pipeline=pipeline, state="succeeded") == 2
    assert 0 < value("aphex_last_run_duration_seconds", pipeline=pipeline, state="succeeded") < (
        value("aphex_runs_duration_seconds", pipeline=pipeline, state="succeeded"))
    assert value("aphex_queue_entries", state="ended") == 2
    assert value("aphex_http_requests_total", method="GET", route="/api/v1/runs/{}",
                 status="404") == 1
    assert value("aphex_http_requests_total", method="none", route="none", status="404") == 1
    counted = value("aphex_http_request_duration_seconds_count", route="/api/v1/runs/{}")
    assert value("aphex_http_request_duration_seconds_bucket", route="/api/v1/runs/{}",
                 le="+Inf") == counted
    assert value("process_resident_memory_bytes") > 1e6
    assert value("process_open_fds") > 5
    assert value("process_start_time_seconds") > 1.6e9

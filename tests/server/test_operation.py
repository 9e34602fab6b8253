"""Operating a server: its log, a new configuration, how it ends, what it keeps."""

import json
import os
import pathlib
import signal
import socket
import sqlite3
import time

import pytest

from conftest import push_payload
from program import processes_with, wait_until
from test_queue import began, hold
from test_webhooks import talk


def log_of(server):
    file = server.directory / "server.log"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def messages(server):
    return [line["message"] for line in log_of(server)]


def hang_up(server):
    server.process.send_signal(signal.SIGHUP)


def test_the_log_tells_what_the_server_does(server):
    server.start(logFile="server.log", logFormat="json", accessLog=True)
    commit, missing = server.application.commit(), "0123456789" * 4
    server.push(commit)
    server.await_ended()
    server.push(missing)
    server.await_ended(2)
    forged = server.deliver({}, secret="somebody else's")

    def told(message, count=1):
        return wait_until(lambda: lines if len(lines := [
            line for line in log_of(server) if line["message"] == message]) >= count else None,
            f"the log has {count} lines '{message}'")
    ended = told("ended", 2)
    lines = log_of(server)
    assert lines[0]["message"] == "serving" and lines[0]["pipelines"] == 1
    assert {"entry": 1, "pipeline": "app", "branch": "main", "commit": commit}.items() <= told(
        "started")[0].items()
    assert {"entry": 1, "run": "1", "level": "info"}.items() <= ended[0].items()
    assert {"entry": 2, "commit": missing, "run": "none", "level": "warning"}.items() <= ended[
        1].items()
    assert f"cannot check out commit {missing}" in ended[1]["reason"]
    assert "the repository has no such commit" in pathlib.Path(ended[1]["log"]).read_text()
    assert forged.status == 401
    rejected, = told("a delivery was rejected")
    assert (rejected["client"], rejected["status"]) == ("127.0.0.1", 401)
    talk(server, b"POST /webhooks/github HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
    assert told("a delivery was rejected", 2)[1]["status"] == 413
    assert server.request("POST", "/api/v1/runs/1/retry", b"{}",
                          {"Content-Type": "application/json"}).status == 202
    # The new run, not the one that it repeats.
    assert {"entry": 3, "run": "2"}.items() <= told("ended", 3)[2].items()
    twice = [server.deliver(push_payload(commit), delivery="twice") for _ in range(2)]
    assert [answer.json["verdict"] for answer in twice] == ["accepted", "known"]
    assert told("a delivery came again")[0]["delivery"] == "twice"
    server.await_ended(4)
    request = next(line for line in lines if line.get("path") == "/webhooks/github")
    assert (request["method"], request["status"], request["client"]) == ("POST", 202, "127.0.0.1")


def test_the_log_tells_of_which_commit_a_run_was_and_why_it_failed(server):
    server.application.configure(build=["exit 3"])
    server.start(logFile="server.log", logFormat="json")
    commit = server.application.commit()
    made = server.request("POST", "/api/v1/pipelines/app/runs", b"{}",
                          {"Content-Type": "application/json"})
    assert (made.status, made.json["commitSha"]) == (202, "")
    ended, = wait_until(lambda: [line for line in log_of(server) if line["message"] == "ended"],
                        "the log tells the end", 60)
    assert (ended["level"], ended["commit"], ended["run"]) == ("warning", commit, "1")
    assert ended["reason"] == ("stage build failed: step 'exit 3': build command failed with exit "
                               "code 3")


def test_lines_of_text_quote_what_has_blanks(server):
    server.start(accessLog=True)
    server.get("/healthz")
    ended = server.stop()
    assert " info request client=127.0.0.1 method=GET path=/healthz status=200" in ended.err


def test_a_new_configuration_is_taken_without_a_connection_refused(server):
    server.start(logFile="server.log", logFormat="json")
    refused = []

    def ask():
        try:
            return server.get("/healthz").status
        except ConnectionRefusedError as error:
            refused.append(error)
            return None
    assert server.push(server.application.commit(), **{}).json["verdict"] == "accepted"
    server.pipelines.append(dict(server.pipelines[0], name="next", branch="next"))
    server.configure(logFile="server.log", logFormat="json")
    hang_up(server)
    wait_until(lambda: ask() and messages(server).count("serving") == 2, "it is reloaded")
    assert not refused
    taken = server.deliver(push_payload(server.application.commit(), branch="next"))
    assert taken.json["reason"] == "runs next"
    server.await_ended(2)


def test_a_new_configuration_with_mistakes_changes_nothing(server):
    server.start(logFile="server.log", logFormat="json")
    (server.directory / "aphex-server.yaml").write_text('version: "1.0"\nmaxruns: 3\n')
    hang_up(server)
    wait_until(lambda: messages(server).count("serving") == 2, "it goes on")
    problem = next(line for line in log_of(server) if "problem" in line)
    assert problem["message"] == "the new configuration is not taken"
    assert problem["line"] == 1 or problem["line"] == 2
    server.configure()  # a run reads the file as well
    assert server.push().json["reason"] == "runs app"
    server.await_ended()


@pytest.mark.parametrize("change, words", [
    ("address", "another program has this port"),
    ("certificate", "certificate"),
    ("log", "is-a-directory")])
def test_a_new_configuration_that_cannot_be_used_changes_nothing(server, change, words):
    """Read without an error, and yet of no use: only trying it tells."""
    server.start(logFile="server.log", logFormat="json")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (server.directory / "is-a-directory").mkdir()
        (server.directory / "cert.pem").write_text("no certificate")
        (server.directory / "key.pem").write_text("no key")
        (server.directory / "key.pem").chmod(0o600)
        server.configure(logFormat="json", **{
            "address": {"logFile": "server.log",
                        "listen": f"127.0.0.1:{taken.getsockname()[1]}"},
            "certificate": {"logFile": "server.log",
                            "tls": {"certificateFile": "cert.pem", "keyFile": "key.pem"}},
            "log": {"logFile": "is-a-directory"}}[change])
        hang_up(server)
        wait_until(lambda: messages(server).count("serving") == 2, "it goes on")
    assert any(words in str(line) for line in log_of(server) if line["level"] == "error")
    server.configure()  # a run reads the file as well
    assert server.push().json["reason"] == "runs app"
    server.await_ended()


def test_a_new_address_is_another_socket(server):
    server.start(logFile="server.log", logFormat="json")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server.configure(logFile="server.log", logFormat="json", listen=f"127.0.0.1:{port}")
    hang_up(server)
    wait_until(lambda: messages(server).count("serving") == 2, "it goes on")
    with pytest.raises(ConnectionRefusedError):
        server.get("/healthz")
    server.port = port
    assert server.get("/healthz").status == 200


def test_the_log_is_opened_anew_for_whoever_moved_it_away(server):
    server.start(logFile="server.log", logFormat="json")
    (server.directory / "server.log").rename(server.directory / "server.log.1")
    hang_up(server)
    wait_until(lambda: "serving" in messages(server), "there is a new log")


def test_the_service_manager_is_told(server, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        server.program.environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        server.start()
        assert manager.recv(1000) == b"READY=1"
        hang_up(server)
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(1000) == b"READY=1"
        server.stop()
        assert manager.recv(1000) == b"STOPPING=1"


def test_ending_leaves_runs_alone(server):
    gate = hold(server.application)
    server.start()
    server.push()
    wait_until(lambda: began(server.application), "the run builds")
    begin = time.monotonic()
    server.stop()
    assert time.monotonic() - begin < 10
    assert [line for line in processes_with(str(server.program.state)).values()
            if "queued-run" in line]
    gate.touch()
    server.start()
    assert server.await_ended()[0]["exitCode"] == 0
    assert len(began(server.application)) == 1


def test_ending_waits_for_runs_and_takes_deliveries_meanwhile(server):
    gate = hold(server.application)
    server.start(shutdown={"runs": "finish", "seconds": 60})
    server.push()
    wait_until(lambda: began(server.application), "the run builds")
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    later = server.application.commit("It comes late")
    assert server.push(later).status == 202
    gate.touch()
    assert server.process.wait(30) == 0
    server.process = None
    assert len(began(server.application)) == 1
    server.start()
    entries = server.await_ended(2)
    assert [each["exitCode"] for each in entries] == [0, 0]


@pytest.mark.parametrize("shutdown", [{"runs": "park"}, {"runs": "finish", "seconds": 1}])
def test_a_parked_run_is_gone_on_with(server, shutdown):
    gate = hold(server.application)
    server.start(shutdown=shutdown)
    commit = server.application.commit()
    server.push(commit)
    wait_until(lambda: began(server.application), "the run builds")
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(40) == 0
    server.process = None
    assert not [line for line in processes_with(str(server.program.state)).values()
                if "queued-run" in line]
    assert server.program.show(1)["state"] == "cancelled"
    gate.touch()
    server.start()
    (entry,) = server.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, "")
    (run,) = server.program.run("runs", "--all", "--format", "json", cwd="/").json
    assert (run["state"], run["commitSha"]) == ("succeeded", commit)


def test_with_too_little_room_nothing_is_started(server):
    server.start(minimumFreeBytes=1 << 50, logFile="server.log", logFormat="json")
    commit = server.application.commit()
    assert server.push(commit).status == 202
    time.sleep(1)
    assert server.entry(commit)["state"] == "waiting"
    paused = server.get("/api/v1/queue").json["paused"]
    assert paused.startswith("paused: disk, ") and "minimumFreeBytes" in paused
    assert paused.split(",")[0] == next(
        each for each in messages(server) if each.startswith("paused")).split(",")[0]
    assert 'aphex_paused{reason="disk"} 1' in server.get("/metrics").text
    server.configure(logFile="server.log", logFormat="json")
    hang_up(server)
    assert server.await_ended()[0]["exitCode"] == 0
    assert server.get("/api/v1/queue").json["paused"] is None


def age(server, days):
    """As if all that is recorded were so old."""
    milliseconds = days * 86_400_000
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        database.execute("UPDATE runs SET created_at = created_at - ?", (milliseconds,))
        database.execute("UPDATE deliveries SET received_at = received_at - ?", (milliseconds,))
        database.execute("UPDATE queue SET ended_at = ended_at - ?", (milliseconds,))
        # The audit log refuses changes: its trigger is put back as it was.
        ((trigger,),) = database.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'"
                                         " AND name = 'audit_is_kept'").fetchall()
        database.execute("DROP TRIGGER audit_is_kept")
        database.execute("UPDATE audit SET at = at - ?", (milliseconds,))
        database.execute(trigger)
    database.close()
    old = time.time() - days * 86_400
    # Where nothing was run there are none.
    for commit in (server.program.state / "artifacts").glob("*"):
        os.utime(commit, (old, old))


def test_what_is_old_is_removed_and_what_is_needed_stays(server):
    app = server.application
    app.configure(build=["test ! -e broken"])
    server.start()
    commits = []
    for number in range(5):
        # Successes are 0, 1 and 2; the later ones fail.
        if number == 3:
            app.write("broken", "yes\n")
        commits.append(app.commit(f"change {number}"))
        server.push(commits[-1])
        server.await_ended(number + 1)
    server.stop()
    age(server, 100)
    # What came last tells the server how old the rest is.
    server.start(retention={"days": 90, "keep": 1})
    (app.directory / "broken").unlink()
    last = app.commit("today")
    server.push(last)
    server.await_ended()
    server.stop()
    server.start(retention={"days": 90, "keep": 1})
    runs = lambda: [(run["id"], run["state"]) for run in server.program.run(  # noqa: E731
        "runs", "--all", "--format", "json", cwd="/").json]
    wait_until(lambda: len(runs()) <= 2, "old runs are removed")
    # The newest, and the success before it: what one would go back to.
    assert runs() == [(6, "succeeded"), (3, "succeeded")]
    state = server.program.state
    assert {each.name for each in (state / "runs").iterdir()} == {"3", "6"}
    wait_until(lambda: not (state / "artifacts" / commits[0]).exists(), "artifacts are removed")
    assert (state / "artifacts" / commits[2]).exists() and (state / "artifacts" / last).exists()
    wait_until(lambda: len(server.deliveries) == 1, "old deliveries are removed")
    assert {each["commitSha"] for each in server.queue} == {commits[2], last}
    wait_until(lambda: not (state / "server/queue/1.log").exists(), "and their logs")


def test_the_audit_log_is_kept_for_a_time_of_its_own(server):
    def deed(run):
        """Leaves a line of the audit log, and a delivery of the same time."""
        refused = server.request("POST", f"/api/v1/runs/{run}/cancel", b"{}",
                                 {"Content-Type": "application/json"})
        assert refused.status == 404
        assert server.deliver({}, event="star").status == 202

    def kept():
        return [each["object"] for each in server.get("/api/v1/audit").json["audit"]]

    def removed(**retention):
        """How many deliveries and lines the server says that it has removed."""
        server.stop()
        (server.directory / "server.log").unlink(missing_ok=True)
        server.start(logFile="server.log", logFormat="json", retention=retention)
        line = wait_until(lambda: next((each for each in log_of(server) if each["message"] ==
                                        "removed what was old"), None), "what is old is removed")
        return line["deliveries"], line["audit"]

    # In the end they are 375, 40 and 0 days old.
    for run, days in ((1000, 335), (2000, 40), (3000, 0)):
        server.start()
        deed(run)
        server.stop()
        age(server, days)
    server.start()
    assert kept() == ["run 3000", "run 2000", "run 1000"]
    assert removed(days=30, auditDays=380) == (2, 0)
    assert kept() == ["run 3000", "run 2000", "run 1000"]
    # A year, unless the configuration says otherwise.
    assert removed(days=30) == (0, 1)
    assert kept() == ["run 3000", "run 2000"]
    assert removed(days=100, auditDays=30) == (0, 1)
    assert kept() == ["run 3000"]

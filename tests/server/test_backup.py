"""A state directory in one file while it is in use, and back."""

import json
import sqlite3
import tarfile
import threading

import pytest

from program import Program, wait_until
from test_queue import began, hold


def backup(server, tmp_path, name="backup.tar.gz"):
    done = server.program.run("backup", tmp_path / name, cwd="/")
    assert done.code == 0, done.err
    return tmp_path / name


@pytest.fixture
def elsewhere(server, tmp_path):
    return Program(tmp_path / "restored", server.program.environment)


def test_what_was_saved_comes_back_and_is_served(server, tmp_path, elsewhere):
    server.start()
    commit = server.application.commit("It is kept")
    server.push(commit)
    server.await_ended()
    file = backup(server, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600, "nobody else reads what runs printed"
    done = elsewhere.run("restore", file, cwd="/")
    assert done.code == 0, done.err
    for program in (server.program, elsewhere):
        shown = program.show(1)
        assert (shown["commitSha"], shown["state"]) == (commit, "succeeded")
    assert elsewhere.log("build-1") == server.program.log("build-1")
    artifact = f"artifacts/{commit}/build-output.tar.gz"
    assert (elsewhere.state / artifact).read_bytes() == (
        server.program.state / artifact).read_bytes()
    server.stop()
    server.program = elsewhere
    server.start()
    server.push(commit)
    entries = server.await_ended(2)
    assert entries[0]["exitCode"] == 0
    assert elsewhere.step(2, "find")["summary"] == "already built"


def test_a_backup_of_a_busy_server_is_of_one_moment(server, tmp_path, elsewhere):
    server.start()
    stop = threading.Event()

    def flood():
        while not stop.is_set():
            server.deliver({}, event="star")
    threads = [threading.Thread(target=flood) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(server.deliveries) > 20, "deliveries come")
        file = backup(server, tmp_path)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert elsewhere.run("restore", file, cwd="/").code == 0
    with sqlite3.connect(elsewhere.state / "aphex.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (count, last) = database.execute(
            "SELECT count(*), max(number) FROM deliveries").fetchone()
    database.close()
    assert count == last > 20


def test_a_run_that_was_going_is_gone_on_with_after_a_restore(server, tmp_path, elsewhere):
    gate = hold(server.application)
    server.start()
    commit = server.application.commit()
    server.push(commit)
    wait_until(lambda: began(server.application), "the run builds")
    file = backup(server, tmp_path)
    gate.touch()
    server.await_ended()
    server.stop()
    assert elsewhere.run("restore", file, cwd="/").code == 0
    server.program = elsewhere
    server.start()
    (entry,) = server.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, ""), entry
    assert elsewhere.show(1)["state"] == "succeeded"


def test_a_state_that_is_there_is_not_overwritten(server, tmp_path):
    server.start()
    server.push()
    server.await_ended()
    file = backup(server, tmp_path)
    refused = server.program.run("restore", file, cwd="/")
    assert refused.code != 0 and "has a state already" in refused.complaint
    refused = server.program.run("restore", file, "--force", cwd="/")
    assert refused.code != 0 and "a server or a run is going" in refused.complaint
    server.push()
    server.await_ended(2)
    server.stop()
    done = server.program.run("restore", file, "--force", cwd="/")
    assert done.code == 0, done.err
    (aside,) = server.program.state.glob("replaced-*")
    assert (aside / "aphex.db").exists() and (aside / "runs/2").exists()
    assert len(server.program.run("runs", "--all", "--format", "json", cwd="/").json) == 1


def damage(file, tmp_path, change):
    directory = tmp_path / "opened"
    with tarfile.open(file) as archive:
        archive.extractall(directory, filter="data")
    change(directory)
    with tarfile.open(tmp_path / "damaged.tar.gz", "w:gz") as archive:
        archive.add(directory, arcname=".")
    return tmp_path / "damaged.tar.gz"


def lose(directory):
    (directory / "runs/1/logs").rename(directory / "elsewhere")


def flip(directory):
    file = directory / "aphex.db"
    data = bytearray(file.read_bytes())
    data[5000] ^= 0xff
    file.write_bytes(data)


def newer(directory):
    manifest = json.loads((directory / "manifest.json").read_text())
    (directory / "manifest.json").write_text(json.dumps(manifest | {"version": 2}))


@pytest.mark.parametrize("change, message", [
    (lose, "is not in its manifest"), (flip, "aphex.db is not what was saved"),
    (newer, "is a backup of version 2"),
    (lambda directory: (directory / "manifest.json").unlink(), "it has no manifest.json"),
])
def test_a_damaged_backup_is_refused_before_anything_is_replaced(
        server, tmp_path, elsewhere, change, message):
    server.start()
    server.push()
    server.await_ended()
    file = damage(backup(server, tmp_path), tmp_path, change)
    done = elsewhere.run("restore", file, cwd="/")
    assert done.code != 0 and message in done.complaint, done.err
    assert not (elsewhere.state / "aphex.db").exists()


def test_a_file_that_is_cut_or_no_archive(server, tmp_path, elsewhere):
    server.start()
    server.push()
    server.await_ended()
    file = backup(server, tmp_path)
    (tmp_path / "cut").write_bytes(file.read_bytes()[:-2000])
    (tmp_path / "text").write_text("no archive")
    for name in ("cut", "text", "nowhere"):
        done = elsewhere.run("restore", tmp_path / name, cwd="/")
        assert done.code != 0 and name in done.complaint, done.err


def test_there_is_nothing_to_back_up(elsewhere, tmp_path):
    done = elsewhere.run("backup", tmp_path / "none.tar.gz", cwd="/")
    assert done.code != 0 and "there is nothing to back up" in done.complaint

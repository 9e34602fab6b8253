"""What goes wrong with a machine, and what the server makes of it: the table of docs/operations.md."""

import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from conftest import push_payload
from program import remove, wait_until
from test_queue import began, hold

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
DAY = 86_400


@pytest.fixture
def small_disk(server):
    """The state directory on a disk of its own, of 64 MB."""
    disk = server.program.state
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", disk], check=True)
    yield disk
    server.stop()
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    with open(disk / "filler", "wb") as file:
        try:
            while True:
                file.write(b"x" * (1 << 16))
                file.flush()
        except OSError:
            pass


@ROOT_ONLY
def test_a_full_disk_loses_no_delivery_that_was_answered(server, small_disk):
    server.start(minimumFreeBytes=0)
    server.push(server.application.commit("Before"))
    server.await_ended()
    fill(small_disk)
    statuses = set()
    for number in range(200):
        statuses.add(server.push(f"{number:040x}").status)
        if 503 in statuses:
            break
    assert 503 in statuses
    answer = server.push("1" * 40)
    assert (answer.status, answer.json["verdict"]) == (503, "not recorded")
    assert "disk is full" in answer.json["reason"]
    assert server.get("/healthz").status == 200
    (small_disk / "filler").unlink()
    last = server.application.commit("There is room again")
    assert server.push(last).status == 202
    wait_until(lambda: server.entry(last)["state"] == "ended", "it is run")
    assert server.entry(last)["exitCode"] == 0


@ROOT_ONLY
def test_a_read_only_state_directory(server, small_disk):
    server.start(minimumFreeBytes=0)
    server.push()
    server.await_ended()
    server.stop()
    # What a run has left behind may still be busy for a moment.
    wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro", small_disk], check=False,
                                      capture_output=True).returncode == 0, "it is read-only")
    done = server.program.run("serve", cwd=server.directory)
    assert done.code == 1
    assert str(small_disk) in done.complaint
    assert "writ" in done.complaint or "Read-only" in done.complaint
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    server.start(minimumFreeBytes=0)
    assert server.push().status == 202
    last = server.await_ended(2)[0]
    assert last["exitCode"] == 0, [each["note"] for each in server.queue]


def checkpointed(server):
    file = server.program.state / "aphex.db"
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = database.execute("PRAGMA page_size").fetchone()
        roots = [page for (page,) in database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")]
    database.close()
    return file, size, roots


def test_a_damaged_database_is_refused_whichever_page_it_is(server):
    server.pipelines[0]["supersede"] = "never"
    server.start()
    for number in range(2):
        server.push(server.application.commit(f"change {number}"))
    server.await_ended(2)
    server.stop()
    file, size, roots = checkpointed(server)
    sound = file.read_bytes()
    choice = random.Random(7)
    pages = len(sound) // size
    assert pages > 20
    damaged = [1, *roots, *choice.sample(range(2, pages + 1), 12)]
    outcomes = {}
    for page in dict.fromkeys(damaged):
        data = bytearray(sound)
        data[(page - 1) * size:page * size] = choice.randbytes(size)
        file.write_bytes(data)
        for suffix in ("-wal", "-shm"):
            pathlib.Path(f"{file}{suffix}").unlink(missing_ok=True)
        process = server.program.start("serve", cwd=server.directory)
        out = process.stdout.readline()
        if out.startswith("serving"):  # a page that nothing uses
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        outcomes[page] = process.returncode
        assert process.returncode in (0, 1), (page, err)
        if process.returncode == 1:
            assert "aphex.db" in err and "aphex restore" in err, (page, err)
    assert all(outcomes[page] == 1 for page in (1, *roots)), outcomes
    file.write_bytes(sound)
    server.start()
    assert [each["exitCode"] for each in server.queue] == [0, 0]


def test_a_database_that_is_cut_or_empty_of_meaning(server):
    server.start()
    server.push()
    server.await_ended()
    server.stop()
    file, _, _ = checkpointed(server)
    sound = file.read_bytes()
    for data in (sound[:len(sound) // 2], b"not a database at all, but a text\n" * 200):
        file.write_bytes(data)
        done = server.program.run("serve", cwd=server.directory)
        assert done.code == 1 and "aphex restore" in done.complaint, done.err


def test_a_state_directory_that_is_removed_ends_the_server(server):
    server.start()
    server.push()
    server.await_ended()
    remove(server.program.state)
    answer = server.push()
    assert answer.status == 503
    assert "was removed or replaced while it was in use" in answer.json["reason"]
    _, err = server.process.communicate(timeout=20)
    assert server.process.returncode == 1
    assert "was removed or replaced while it was in use" in err
    server.process = None


def test_without_descriptors_the_server_waits_for_some(server):
    server.start()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (40, 1024))
    held = []
    for _ in range(100):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        held.append(connection)
    time.sleep(1)
    used = cpu_of(server.process.pid)
    time.sleep(2)
    assert cpu_of(server.process.pid) - used < 1.0, "it waits without spinning"
    for connection in held:
        connection.close()
    wait_until(lambda: server.get("/healthz").status == 200, "it answers again")
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
    assert server.push().status == 202
    assert server.await_ended()[0]["exitCode"] == 0


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def clock(server, tmp_path):
    library = tmp_path / "clock_offset.so"
    source = pathlib.Path(__file__).with_name("clock_offset.c")
    subprocess.run([shutil.which("cc"), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"],
                   check=True)
    file = tmp_path / "offset"
    file.write_text("0")
    server.program.environment |= {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(file)}

    def set_to(seconds):
        temporary = file.with_suffix(".new")
        temporary.write_text(str(seconds))
        temporary.rename(file)
    return set_to


def test_a_clock_that_jumps_holds_nothing_up(server, clock):
    gate = hold(server.application)
    # Requests to the local AWS are signed with the time of day.
    server.application.configure(build=[f"echo $APHEX_COMMIT_SHA >> "
                                        f"{server.application.note('order')}; "
                                        f"until [ -e {gate} ]; do sleep 0.05; done"])
    server.pipelines[0]["supersede"] = "never"
    server.start()
    commits = [server.application.commit(f"change {number}") for number in range(3)]
    server.push(commits[0])
    wait_until(lambda: began(server.application), "the first builds")
    clock(2 * DAY)
    server.push(commits[1])
    clock(-2 * DAY)
    server.push(commits[2])
    clock(0)
    gate.touch()
    entries = server.await_ended(3)
    assert [each["exitCode"] for each in entries] == [0, 0, 0], entries
    assert began(server.application) == commits


def test_a_clock_that_is_years_ahead_removes_nothing(server, clock):
    server.start()
    server.push()
    server.await_ended()
    server.stop()
    clock(3650 * DAY)
    server.start(retention={"days": 30, "keep": 1})
    time.sleep(1)
    assert len(server.deliveries) == 1 and len(server.queue) == 1
    assert (server.program.state / "runs/1").exists()


def test_a_delivery_of_the_time_after_a_jump_is_not_taken_for_an_old_one(server, clock):
    """What is newer is told by GitHub's clock, not by ours."""
    server.start()
    first, second = (server.application.commit(name) for name in ("first", "second"))
    payload = push_payload(first)
    payload["repository"]["pushed_at"] = 1_770_000_000
    server.deliver(payload)
    clock(-30 * DAY)
    payload = push_payload(second)
    payload["repository"]["pushed_at"] = 1_770_000_001
    assert server.deliver(payload).json["reason"] == "runs app"
    clock(0)
    assert server.await_ended(2)[0]["exitCode"] == 0

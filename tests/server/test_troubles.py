"""What goes wrong with a machine, and what the server makes of it (docs/operations.md has the
table)."""

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
from callers import bearer, token

from conftest import push_payload
from application import environment
from program import processes_with, remove, wait_until
from test_approvals import asked
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
    ready = server.get("/readyz")
    assert ready.status == 503
    assert "cannot be written to: No space left on device" in ready.json["detail"]
    (small_disk / "filler").unlink()
    assert server.get("/readyz").text == "ok\n"
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


def built(source, directory):
    library = directory / f"{source}.so"
    subprocess.run([shutil.which("cc"), "-D_FORTIFY_SOURCE=0", "-shared", "-fPIC", "-O1", "-o",
                    library, pathlib.Path(__file__).with_name(f"{source}.c"), "-ldl"], check=True)
    return library


@pytest.fixture
def write_protection(server, tmp_path):
    """What makes the state directory read-only while files in it are open."""
    switch = tmp_path / "read-only"
    server.program.environment |= {"LD_PRELOAD": str(built("read_only", tmp_path)),
                                   "READ_ONLY_BELOW": str(server.program.state),
                                   "READ_ONLY_SWITCH": str(switch)}
    yield switch
    switch.unlink(missing_ok=True)


def refused_for_now(server, payload, delivery):
    """GitHub shows it as failed; what could not be recorded was not accepted."""
    answer = server.deliver(payload, delivery=delivery)
    assert (answer.status, answer.json["verdict"]) == (503, "not recorded"), answer.text
    return answer.json["reason"]


def test_a_state_directory_that_becomes_read_only_while_it_serves(server, write_protection):
    gate = hold(server.application)
    server.start()
    first, second, third = (server.application.commit(name) for name in ("1", "2", "3"))
    server.push(first)
    wait_until(lambda: began(server.application), "the first builds")
    server.push(second)
    write_protection.touch()
    reason = refused_for_now(server, push_payload(third), "delivery-3")
    assert "readonly" in reason or "read-only" in reason or "disk I/O error" in reason, reason
    assert server.get("/healthz").status == 200
    ready = server.get("/readyz")
    assert ready.status == 503
    assert "cannot be written to: Read-only file system" in ready.json["detail"]
    # What was recorded is still told.
    assert [each["state"] for each in server.queue] == ["waiting", "running"]
    gate.touch()
    time.sleep(2)  # the run and the dispatcher meet it, too
    write_protection.unlink()
    assert server.get("/readyz").text == "ok\n"
    # As GitHub's button "Redeliver" does: with the same id.
    assert server.deliver(push_payload(third), delivery="delivery-3").status == 202
    entries = {each["commitSha"]: each for each in server.await_ended(3)}
    assert (entries[third]["exitCode"], entries[third]["note"]) == (0, "")
    # The one that waited has not noticed; of the one that wrote, the trouble is told or survived.
    assert entries[second]["exitCode"] == 0 or entries[second]["state"] == "superseded"
    assert entries[first]["exitCode"] == 0 or entries[first]["note"], entries[first]


@pytest.fixture
def failing_disk(server, tmp_path):
    """The state directory on an ext4 of its own that can be told to fail: it is read-only from then
    on, for whoever has files open, too, until it is mounted anew."""
    image = tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(256 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    disk = server.program.state
    disk.mkdir()

    def mount():
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", image, disk], check=True)

    def fail():
        device = subprocess.run(["findmnt", "-no", "SOURCE", disk], check=True, text=True,
                                capture_output=True).stdout.strip()
        pathlib.Path("/sys/fs/ext4", os.path.basename(device), "trigger_fs_error").write_text("1")

    def unmount():
        subprocess.run(["umount", disk], check=True)
    try:
        mount()
    except subprocess.CalledProcessError:
        pytest.skip("this machine has no loop devices")
    mount.fail, mount.unmount = fail, unmount
    yield mount
    server.stop()
    subprocess.run(["umount", "-l", disk], check=True)


@ROOT_ONLY
def test_a_disk_that_fails_while_it_serves(server, failing_disk):
    server.start(minimumFreeBytes=0)
    server.push(server.application.commit("Before"))
    server.await_ended()
    failing_disk.fail()
    commit = server.application.commit("Meanwhile")
    reason = refused_for_now(server, push_payload(commit), "delivery-2")
    assert "database" in reason
    ready = server.get("/readyz")
    assert (ready.status, server.get("/healthz").status) == (503, 200)
    assert "cannot be written to: Read-only file system" in ready.json["detail"]
    server.stop()
    wait_until(lambda: not processes_with(str(server.program.state)), "nobody is in it")
    failing_disk.unmount()
    failing_disk()
    server.start(minimumFreeBytes=0)
    assert server.deliver(push_payload(commit), delivery="delivery-2").status == 202
    assert [each["exitCode"] for each in server.await_ended(2)] == [0, 0]


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


@pytest.mark.parametrize("lose", ["empty", "gone"])
def test_a_database_that_is_lost_opens_the_server_to_nobody(server, lose):
    server.start()
    server.push()
    server.await_ended()
    token(server, "root")
    server.stop()
    file, _, _ = checkpointed(server)

    def refused():
        done = server.program.run("serve", cwd=server.directory)
        assert done.code == 1 and "aphex restore FILE --force" in done.complaint, done.err
        return done.complaint
    file.unlink()
    if lose == "empty":
        file.touch()
    assert f"the database {file} is missing or empty" in refused()
    # Another command has made a new one meanwhile, or somebody has begun afresh.
    assert server.program.run("runs", "--all", cwd="/").code == 0
    assert "this server had tokens" in refused()
    secret = token(server, "root")
    server.start()
    assert server.get("/api/v1/queue").status == 401
    assert server.request("GET", "/api/v1/queue", headers=bearer(secret)).status == 200


def test_who_forgets_the_last_token_opens_the_server_for_good(server):
    token(server, "root")
    for change in ("revoke", "remove"):
        assert server.program.run("token", change, "root", cwd="/").code == 0
    server.start()
    assert server.get("/api/v1/queue").status == 200


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
    library = built("clock_offset", tmp_path)
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


def waiting_for_approval(server):
    server.start()
    server.root = {}
    server.application.configure(environment("prod", approval={"expires": "24h"}))
    server.push(server.application.commit("For prod"))
    return asked(server)


def test_an_approval_waits_on_when_the_clock_goes_back(server, clock):
    pending = waiting_for_approval(server)
    clock(-2 * DAY)
    time.sleep(1.5)  # the run looks twice a second
    assert asked(server)["state"] == "pending"
    clock(0)
    time.sleep(1)
    assert asked(server)["digest"] == pending["digest"]
    answer = server.request("POST", "/api/v1/runs/1/approvals/prod", '{"decision": "approve"}',
                            {"Content-Type": "application/json"})
    assert answer.status == 200, answer.text
    assert server.await_ended()[0]["exitCode"] == 0
    assert "deploy Api" in " ".join(server.application.calls)


def test_an_approval_expires_when_the_clock_goes_past_its_end(server, clock):
    """Its end is a time of day that people were told: the clock is believed, and rejecting is what
    can be made good."""
    waiting_for_approval(server)
    clock(2 * DAY)
    (entry,) = server.await_ended()
    clock(0)
    assert entry["exitCode"] == 1
    run = server.program.show(1)
    assert run["state"] == "failed"
    assert "expired at " in str(run) and "0 of 1 approvals" in str(run)
    assert not [call for call in server.application.calls if call.startswith("deploy")]
    # Asked anew, with an end by the clock as it is now.
    resumed = server.request("POST", "/api/v1/runs/1/resume", "{}",
                             {"Content-Type": "application/json"})
    assert resumed.status in (200, 202), resumed.text
    asked(server)
    answer = server.request("POST", "/api/v1/runs/1/approvals/prod", '{"decision": "approve"}',
                            {"Content-Type": "application/json"})
    assert answer.status == 200, answer.text
    wait_until(lambda: server.program.show(1)["state"] == "succeeded", "it is deployed")
    wait_until(lambda: all(each["state"] == "ended" for each in server.queue), "it has ended")

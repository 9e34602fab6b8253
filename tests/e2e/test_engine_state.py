"""The state directory: of another version, damaged, not writable."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import pathlib

import pytest

from program import BINARY, REPO

MIGRATIONS = list((REPO / "src/store/migrations").glob("*.sql"))


@pytest.fixture
def committed(application):
    application.configure()
    application.commit()
    return application.directory


def test_a_database_of_a_newer_program_is_refused(aphex, committed):
    assert aphex.run("runs", cwd=committed).code == 0
    with sqlite3.connect(aphex.state / "aphex.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = (aphex.state / "aphex.db").read_bytes()

    for command in (["run"], ["runs"], ["logs"], ["resume"], ["cancel"], ["outputs"]):
        done = aphex.run(*command, cwd=committed)
        assert (done.code, done.err) == (
            1, f"error: database {aphex.state}/aphex.db has schema version 99, this aphex knows up "
               f"to {1 + len(MIGRATIONS)}\n hint: use the newer aphex that wrote it, or another "
               "APHEX_STATE_DIR\n"
        ), command
    assert (aphex.state / "aphex.db").read_bytes() == before


def test_doctor_opens_the_database(aphex, committed):
    aphex.state.mkdir()
    (aphex.state / "aphex.db").write_bytes(b"not a database, but long enough to be read" * 100)

    checks = aphex.run("doctor", "--format", "json", cwd=committed).json["checks"]

    state = next(each for each in checks if each["name"] == "state directory")
    assert state["state"] == "failed"
    assert state["detail"] == f"database {aphex.state}/aphex.db: open: file is not a database"
    assert state["remedy"].startswith("bring a backup back by 'aphex restore")


def test_a_home_that_is_no_absolute_path_is_refused(surroundings, committed):
    done = subprocess.run([BINARY, "runs"], cwd=committed, env={**surroundings, "HOME": "relative"},
                          capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (
        2, "error: there is no directory for aphex's state: HOME is relative, which is no absolute "
           "path\n hint: set HOME right or APHEX_STATE_DIR, or pass --state-dir\n")
    assert not (committed / "relative").exists()


def test_runs_says_that_there_are_more(aphex, committed):
    for _ in range(2):
        assert aphex.run("run", "-q", cwd=committed).code == 0
    one = aphex.run("runs", "--limit", "1", cwd=committed)
    assert (len(one.out.splitlines()), one.err) == (
        2, "these are the latest 1; --limit N lists more\n")
    assert aphex.run("runs", "--limit", "2", cwd=committed).err == ""


def test_the_time_of_a_run_is_that_of_its_work(aphex, application, committed):
    application.configure(build=["exit 1"])
    application.commit()
    assert aphex.run("run", "-q", cwd=committed).code == 1
    with sqlite3.connect(aphex.state / "aphex.db") as database:
        # An hour's pause before somebody goes on.
        for table in ("runs", "steps"):
            database.execute(f"UPDATE {table} SET started_at = started_at - 3600000")
        database.execute("UPDATE steps SET ended_at = ended_at - 3600000")
    database.close()
    assert aphex.run("resume", "-q", cwd=committed).code == 1
    for shown in (aphex.run("runs", cwd=committed).out, aphex.run("runs", 1, cwd=committed).out):
        assert "1h 00m" not in shown and "failed" in shown


def test_a_file_that_is_no_database_is_refused(aphex, committed):
    aphex.state.mkdir()
    (aphex.state / "aphex.db").write_bytes(b"not a database, but long enough to be read" * 100)

    done = aphex.run("runs", cwd=committed)

    assert (done.code, done.err) == (
        1, f"error: database {aphex.state}/aphex.db: open: file is not a database\n"
           " hint: bring a backup back by 'aphex restore FILE --force', or move the file aside to "
           "start afresh (runs so far are lost to it)\n")


def test_a_damaged_database_is_refused(aphex, committed):
    assert aphex.run("run", "-q", cwd=committed).code == 0
    file = aphex.state / "aphex.db"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    for leftover in aphex.state.glob("aphex.db-*"):
        leftover.unlink()

    done = aphex.run("runs", cwd=committed)

    assert done.code == 1
    assert f"error: database {file}: " in done.err
    assert "malformed" in done.err
    assert " hint: bring a backup back by 'aphex restore FILE --force'" in done.err


def test_a_file_where_the_state_directory_should_be(aphex, committed, tmp_path):
    (tmp_path / "file").write_text("")

    done = aphex.run("runs", "--state-dir", tmp_path / "file", cwd=committed)

    file = tmp_path / "file"
    assert (done.code, done.err) == (
        1, f"error: cannot use the state directory {file}: cannot make the directory {file}: Not a "
           "directory\n")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_state_directory_that_cannot_be_written(surroundings):
    """Root may write anywhere, so somebody else tries."""
    directory = pathlib.Path(tempfile.mkdtemp(dir="/tmp", prefix="aphex-e2e-"))
    try:
        directory.chmod(0o755)
        binary = shutil.copy(BINARY, directory / "aphex")
        state = directory / "state"
        state.mkdir(mode=0o755)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary, "runs",
             "--state-dir", state], cwd="/", env=surroundings, capture_output=True, text=True,
            check=False)
        assert done.returncode == 1
        assert done.stderr.replace(str(state), "STATE") == (
            "error: database STATE/aphex.db: open: unable to open database file\n"
            " hint: make the state directory writable, or choose another by APHEX_STATE_DIR\n")
        assert list(state.iterdir()) == []
    finally:
        shutil.rmtree(directory)


def test_a_state_directory_that_is_not_there_is_made(aphex, committed, tmp_path):
    done = aphex.run("runs", "--state-dir", tmp_path / "a" / "b", cwd=committed)

    assert done.code == 0
    assert (tmp_path / "a/b/aphex.db").exists()
    assert (tmp_path / "a/b").stat().st_mode & 0o077 == 0, "others can read what runs print"

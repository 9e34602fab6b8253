"""`aphex serve` as the Debian package brings it: its unit, its user, its files.

Where this is root the package is installed for good, in a copy of this machine's root file system
that is thrown away (an overlay), and the page on it is followed there to a server that answers."""

import gzip
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

import unpacked as programs
from conftest import ROOT, run

UNIT = "usr/lib/systemd/system/aphex.service"
EXAMPLES = "usr/share/doc/aphex/examples"
PAGE = ROOT / "docs/operations.md"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a root file system of one's own, with "
                                "its users, takes root")


@pytest.fixture(scope="module")
def unit(unpacked):
    return (unpacked / UNIT).read_text()


def setting(unit, name):
    found = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    assert len(found) == 1, (name, found)
    return found[0]


def verified(unit, directory, program):
    """What systemd says of the unit, with the program where it lies here."""
    file = directory / "aphex.service"
    file.write_text(unit.replace("/usr/bin/aphex", str(program)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", file], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stderr


def test_systemd_accepts_the_unit(unit, unpacked, tmp_path):
    assert verified(unit, tmp_path, unpacked / "usr/bin/aphex") == (0, "")
    # It is looked at: a word that is no setting, and a program that is not there.
    code, said = verified(unit.replace("KillMode=process", "KillMood=process"), tmp_path,
                          unpacked / "usr/bin/aphex")
    assert "KillMood" in said
    code, said = verified(unit, tmp_path, unpacked / "usr/bin/nothing")
    assert code != 0 and "not executable" in said


def test_systemd_rates_the_unit_as_the_page_says(unpacked):
    said = run("systemd-analyze", "security", "--offline=true", unpacked / UNIT)
    rated = float(re.search(r"Overall exposure level for aphex.service: ([\d.]+)", said)[1])
    promised = re.search(r"`systemd-analyze security aphex` rates it ([\d.]+), \*OK\*",
                         PAGE.read_text())
    assert rated <= float(promised[1])


def test_what_the_unit_names_is_in_the_package(unit, unpacked):
    page = setting(unit, "Documentation").removeprefix("file://")
    assert (unpacked / page.lstrip("/")).is_file()
    for line in ("ExecStartPre", "ExecStart"):
        program = setting(unit, line).split()[0]
        assert os.access(unpacked / program.lstrip("/"), os.X_OK)
    user = (unpacked / "usr/lib/sysusers.d/aphex.conf").read_text()
    assert re.search(rf"^u {setting(unit, 'User')} ", user, re.MULTILINE)


def test_the_user_is_made_by_its_description(unit, unpacked, tmp_path):
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}", unpacked / "usr/lib/sysusers.d/aphex.conf")
    (line,) = [line for line in (tmp_path / "etc/passwd").read_text().splitlines()
               if line.startswith(setting(unit, "User") + ":")]
    fields = line.split(":")
    assert 0 < int(fields[2]) < 1000
    assert fields[5] == "/var/lib/" + setting(unit, "StateDirectory")
    assert fields[6].endswith("nologin")


class Started:
    """The unit's ExecStart as a process, with the packaged example for its configuration."""

    def __init__(self, unit, directory, replaced, before=()):
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.settimeout(60)
        self.manager.bind(str(directory / "notify"))
        os.chmod(directory / "notify", 0o777)

        def command(line):
            text = setting(unit, line)
            for old, new in replaced.items():
                assert old in text or line == "ExecStartPre", text
                text = text.replace(old, new)
            return [*before, *shlex.split(text)]
        self.check = command("ExecStartPre")
        self.argv = command("ExecStart")
        self.process = None

    def start(self, environment):
        done = subprocess.run(self.check, env=environment, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        self.process = subprocess.Popen(self.argv, env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+)", line)
        assert found, line + self.process.stderr.read()
        assert self.manager.recv(1000) == b"READY=1"
        return found[1]

    def stop(self):
        self.manager.close()
        if self.process is None:
            return
        self.process.terminate()
        _, err = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, err


def on_a_free_port(example):
    """The example's own port may be taken by a server of this machine."""
    changed, count = re.subn(r"^listen: 127\.0\.0\.1:8737$", "listen: 127.0.0.1:0", example,
                             flags=re.MULTILINE)
    assert count == 1
    return changed


def answered(url, **more):
    with urllib.request.urlopen(urllib.request.Request(url, **more), timeout=30) as response:
        return response.status, response.read().decode()


def test_the_units_command_serves_the_packaged_example(unit, unpacked, tmp_path):
    etc, state = tmp_path / "etc", tmp_path / "state"
    etc.mkdir()
    (etc / "aphex-server.yaml").write_text(
        on_a_free_port((unpacked / EXAMPLES / "aphex-server.yaml").read_text()))
    (etc / "webhook-secret").write_text("0123456789abcdef" * 4)
    started = Started(unit, tmp_path, {
        "/usr/bin/aphex": str(unpacked / "usr/bin/aphex"), "/etc/aphex": str(etc),
        "/var/lib/aphex": str(state)})
    try:
        url = started.start({"PATH": os.environ["PATH"], "HOME": str(tmp_path),
                             "NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert answered(url + "/healthz") == (200, "ok\n")
        assert answered(url + "/readyz") == (200, "ok\n")
    finally:
        started.stop()
    assert (state / "aphex.db").exists()


def rotate(*arguments, **more):
    program, variables = programs.program("logrotate")
    return subprocess.run([program, *arguments], env={**os.environ, **variables, **more},
                          text=True, capture_output=True, check=False)


def rotation(unpacked):
    """As the user of this test: who `aphex` is, the test that installs the package knows."""
    me = run("id", "-un").strip()
    group = run("id", "-gn").strip()
    text = (unpacked / EXAMPLES / "aphex.logrotate").read_text()
    assert text.count("su aphex aphex") == 1
    return text.replace("su aphex aphex", f"su {me} {group}")


def test_logrotate_accepts_its_file(unpacked, tmp_path):
    file = tmp_path / "aphex"
    file.write_text(rotation(unpacked))
    done = rotate("--debug", file)
    assert done.returncode == 0 and "error" not in done.stderr, done.stderr
    assert "rotating pattern: /var/log/aphex/server.log  weekly (8 rotations)" in done.stderr
    file.write_text(file.read_text().replace("maxsize 100M", "maxsize lots"))
    assert "error" in rotate("--debug", file).stderr


# Stands in for systemctl, and has a process for the unit.
SYSTEMCTL = """#!/bin/sh
echo "$*" >> {calls}
for word; do
  case "$word" in --signal=*) signal=${{word#--signal=}} ;; esac
done
case " $* " in *" kill "*" aphex.service ") kill -s "$signal" {process} ;; *) exit 1 ;; esac
"""


@pytest.fixture
def serving(unit, unpacked, tmp_path):
    """The packaged example serves, and has the log that aphex.logrotate is for, elsewhere."""
    etc, log = tmp_path / "etc", tmp_path / "log" / "server.log"
    etc.mkdir()
    log.parent.mkdir()
    (etc / "aphex-server.yaml").write_text(
        on_a_free_port((unpacked / EXAMPLES / "aphex-server.yaml").read_text()) +
        f"logFile: {log}\naccessLog: true\n")
    (etc / "webhook-secret").write_text("0123456789abcdef" * 4)
    started = Started(unit, tmp_path, {
        "/usr/bin/aphex": str(unpacked / "usr/bin/aphex"), "/etc/aphex": str(etc),
        "/var/lib/aphex": str(tmp_path / "state")})
    try:
        started.url = started.start({"PATH": os.environ["PATH"], "HOME": str(tmp_path),
                                     "NOTIFY_SOCKET": str(tmp_path / "notify")})
        started.log = log
        yield started
    finally:
        started.stop()


def content(file):
    """Of a log, also of one that logrotate has compressed."""
    data = file.read_bytes()
    return (gzip.decompress(data) if file.suffix == ".gz" else data).decode()


def open_files(process):
    # Of one that is closed meanwhile, realpath gives the name in /proc.
    return [os.path.realpath(each) for each in pathlib.Path(f"/proc/{process.pid}/fd").iterdir()]


def test_a_server_goes_on_in_a_new_file_when_its_log_is_rotated(serving, unpacked, tmp_path):
    log, old, calls = serving.log, serving.log.with_name("server.log.1"), tmp_path / "calls"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemctl").write_text(
        SYSTEMCTL.format(calls=calls, process=serving.process.pid))
    (tmp_path / "bin/systemctl").chmod(0o755)
    file = tmp_path / "aphex"
    text = rotation(unpacked)
    assert text.count("/var/log/aphex/server.log {") == 1
    file.write_text(text.replace("/var/log/aphex/server.log {", f"{log} {{"))

    def turn():
        done = rotate("--force", "--state", tmp_path / "status", file,
                      PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        assert (done.returncode, done.stderr) == (0, "")
        assert serving.manager.recv(1000).startswith(b"RELOADING=1")
        assert serving.manager.recv(1000) == b"READY=1"

    def asked(path):
        """Its line of the access log is in the file of now, and in none of the others."""
        assert answered(serving.url + path)[0] == 200
        assert [each.name for each in log.parent.iterdir()
                if f"path={path} " in content(each)] == [log.name]

    asked("/healthz")
    before = log.stat().st_ino
    turn()
    assert (old.stat().st_ino, log.stat().st_ino == before) == (before, False)
    asked("/readyz")
    assert str(old) not in open_files(serving.process)
    assert "path=/healthz " in old.read_text() and "path=/healthz " not in log.read_text()
    # Once more: what came first is compressed now, and nothing of it is lost.
    turn()
    asked("/api/v1/queue")
    assert sorted(each.name for each in log.parent.iterdir()) == [
        "server.log", "server.log.1", "server.log.2.gz"]
    assert "path=/readyz " in old.read_text()
    assert "path=/healthz " in content(log.with_name("server.log.2.gz"))
    assert calls.read_text() == "--quiet kill --kill-whom=main --signal=HUP aphex.service\n" * 2
    # A word that systemctl does not know would go unnoticed: `|| true` stands behind it.
    help_text = run("systemctl", "--help")
    assert all(f"--{word}" in help_text for word in ("quiet", "kill-whom=", "signal="))


class Machine:
    """A copy of this machine's root file system that can be written to."""

    def __init__(self, root):
        self.root = root

    def __truediv__(self, path):
        return self.root / path

    def inside(self, *argv):
        return run("chroot", self.root, "env", "-i", f"PATH={os.defpath}:/usr/sbin:/sbin", *argv)

    def install(self, package):
        """Its dependencies are here: it was built with them."""
        shutil.copy(package, self.root / "aphex.deb")
        self.inside("dpkg", "--install", "/aphex.deb")


@pytest.fixture
def machine(tmp_path):
    layers, root = tmp_path / "layers", tmp_path / "root"
    layers.mkdir()
    root.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "tmpfs", layers)
    mounted = [layers]
    try:
        (layers / "upper").mkdir()
        (layers / "work").mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir=/,upperdir={layers}/upper,workdir={layers}/work", root)
        mounted.append(root)
        for name in ("dev", "proc"):
            run("mount", "--bind", f"/{name}", root / name)
            mounted.append(root / name)
        # What this machine may have of a server of its own.
        for name in ("etc/aphex", "var/lib/aphex", "var/log/aphex"):
            shutil.rmtree(root / name, ignore_errors=True)
        yield Machine(root)
    finally:
        for place in reversed(mounted):
            run("umount", "--lazy", place)


def as_user(name):
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups"]


def commands_of_the_page():
    section = PAGE.read_text().split("## As a service")[1].split("\n## ")[0]
    return re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1].splitlines()


@needs_root
def test_the_page_leads_from_the_package_to_a_server_that_answers(package, unit, machine):
    install, *settings, enable, journal = commands_of_the_page()
    assert install == "sudo apt install ./aphex_*.deb"
    machine.install(package)
    assert len(settings) == 3 and enable == "sudo systemctl enable --now aphex"
    for command in settings:
        machine.inside("sh", "-ec", command.removeprefix("sudo "))
    assert journal == "journalctl -u aphex"
    config = machine / "etc/aphex/aphex-server.yaml"
    config.write_text(on_a_free_port(config.read_text()))
    # Nobody else reads it.
    owned = machine.inside("stat", "-c", "%U:%G %a", "/etc/aphex", "/etc/aphex/webhook-secret")
    assert owned == "root:aphex 750\nroot:aphex 640\n"

    # What StateDirectory= and LogsDirectory= make.
    user = setting(unit, "User")
    for name in ("lib", "log"):
        machine.inside("install", "-d", "-o", user, "-g", user, "-m", "0700", f"/var/{name}/aphex")
    run_as = ["chroot", str(machine.root), *as_user(user), "env", "-i",
              "PATH=/usr/bin:/bin", "NOTIFY_SOCKET=/tmp-of-test/notify",
              *shlex.split(setting(unit, "Environment"))]
    (machine / "tmp-of-test").mkdir(mode=0o755)
    started = Started(unit, machine / "tmp-of-test", {}, run_as)
    try:
        url = started.start(dict(os.environ))
        assert answered(url + "/healthz") == (200, "ok\n")
    finally:
        started.stop()
    assert machine.inside("stat", "-c", "%U", "/var/lib/aphex/aphex.db") == f"{user}\n"


@needs_root
def test_its_log_is_rotated_as_the_user_that_writes_it(package, machine):
    machine.install(package)
    machine.inside("install", "-D", "-m", "0644", f"/{EXAMPLES}/aphex.logrotate",
                   "/etc/logrotate.d/aphex")
    machine.inside("install", "-d", "-o", "aphex", "-g", "aphex", "-m", "0750", "/var/log/aphex")
    machine.inside(*as_user("aphex"), "sh", "-c", "echo a line > /var/log/aphex/server.log")
    program, variables = programs.program("logrotate")
    machine.inside(*[f"{name}={value}" for name, value in variables.items()], program, "--force",
                   "--state", "/status", "/etc/logrotate.d/aphex")
    assert (machine / "var/log/aphex/server.log.1").read_text() == "a line\n"
    assert not (machine / "var/log/aphex/server.log").exists()


@needs_root
def test_the_package_goes_and_leaves_what_somebody_wrote(package, machine):
    machine.install(package)
    (machine / "etc/aphex/webhook-secret").write_text("secret\n")
    # An update finds its user and what was written.
    machine.install(package)
    machine.inside("dpkg", "--purge", "aphex")
    assert not (machine / "usr/bin/aphex").exists()
    assert (machine / "etc/aphex/webhook-secret").read_text() == "secret\n"
    (machine / "etc/aphex/webhook-secret").unlink()
    machine.install(package)
    machine.inside("dpkg", "--purge", "aphex")
    assert not (machine / "etc/aphex").exists()

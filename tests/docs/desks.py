"""Where a page is followed: directories, variables and programs of somebody who reads it.

Nothing of the person who runs the tests is used but npm's cache and registry.
"""

import contextlib
import copy
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys

import stand_ins
from shown_pages import ENDLESS, ONLY_CHECKED

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("support", "cluster"):
    sys.path.insert(0, str(ROOT / "tests" / folder))
import planted  # noqa: E402
import sandbox_process  # noqa: E402
from cluster_fixtures import programs as cluster_programs  # noqa: E402

PROGRAM = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex")).resolve()
VENV = ROOT / ".venv/bin"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A page is a minute or two on a quiet machine; much more where everything is built beside it.
SECONDS = 1200
TAIL_LINES = 60
# Written before each command, so that a failure has a place.
MARK = "printf '%s\\n' {number} >&3\n"


@dataclasses.dataclass(frozen=True)
class Step:
    place: str
    text: str
    code: int  # that it ends with, or ENDLESS


class Desk:
    """One home, one state directory, one sandbox; pages lie in directories of their own."""

    def __init__(self, directory):
        self.directory = directory
        self.home = directory / "home"
        self.state = directory / "state"
        self.calls = directory / "calls"
        self.programs = directory / "programs"
        for each in (self.home, self.state):
            each.mkdir(parents=True)
        self.calls.touch()
        planted.keys_of({})
        stand_ins.write(self.programs)
        self.link("aphex", PROGRAM)
        # What the pages ask of AWS's own command line is asked of the real one.
        self.wrap("aws", f'exec {VENV}/aws "$@"')
        self.wrap("sudo", 'exec "$@"')
        self.wrap("make", f'exec make {ONLY_CHECKED["make"].options} -C {ROOT} "$@"',
                  path=SYSTEM_PATH)
        (self.home / ".gitconfig").write_text(
            "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n",
            encoding="utf-8")
        person = os.path.expanduser("~")
        self.variables = {
            "HOME": str(self.home), "PATH": f"{self.programs}:{SYSTEM_PATH}", "LANG": "C.UTF-8",
            "NO_COLOR": "1", "CI": "true", "APHEX_STATE_DIR": str(self.state),
            "APHEX_DOCS_CALLS": str(self.calls), "APHEX_SANDBOX_PYTHON": str(VENV / "python"),
            "AWS_EC2_METADATA_DISABLED": "true", "CDK_DISABLE_CLI_TELEMETRY": "true",
            "NODE_NO_WARNINGS": "1", "GIT_CONFIG_NOSYSTEM": "1",
            # Two seconds of each synthesis, in which the library looks at its own templates.
            "CDK_VALIDATION": "false",
            "npm_config_cache": f"{person}/.npm", "npm_config_userconfig": f"{person}/.npmrc",
            "npm_config_prefer_offline": "true", "npm_config_update_notifier": "false",
            "npm_config_yes": "true", "npm_config_audit": "false", "npm_config_fund": "false"}

    def having(self, **variables):
        """The same desk with other variables."""
        other = copy.copy(self)
        other.variables = {**self.variables, **variables}
        return other

    def link(self, name, target):
        (self.programs / name).symlink_to(target)

    def wrap(self, name, script, path=None):
        prefix = f"PATH={path}\n" if path else ""
        stand_ins.write_program(self.programs / name, f"#!/bin/bash\n{prefix}{script}\n")

    def run(self, *argv, cwd):
        done = subprocess.run(argv, cwd=cwd, env=self.variables, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def in_background(self, *argv, cwd):
        with open(self.directory / "background.log", "wb") as log:
            process = subprocess.Popen(argv, cwd=cwd, env=self.variables, stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process
        finally:
            end_group(process)

    def commit(self, directory, message="Files"):
        if not (directory / ".git").exists():
            self.run("git", "init", "-q", cwd=directory)
        self.run("git", "add", "--all", cwd=directory)
        self.run("git", "commit", "-q", "--allow-empty", "-m", message, cwd=directory)

    def copy_of(self, application, name):
        """A clone, which takes its dependencies from where they are installed."""
        directory = self.directory / name
        self.run("git", "clone", "-q", str(application), str(directory), cwd=self.directory)
        (directory / "node_modules").symlink_to(application / "node_modules")
        return directory

    def follow(self, steps, directory):
        """Runs steps in one shell, as a reader types them."""
        marks = self.directory / "marks"
        script = "set -eo pipefail\n" + "".join(
            as_script(number, step) for number, step in enumerate(steps))
        with open(marks, "wb") as mark:
            process = subprocess.Popen(
                ["bash", "-c", f"exec 3>>{marks}\n{script}"], cwd=directory, env=self.variables,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, start_new_session=True)
            mark.flush()
        output = read_all(process, directory)
        if process.returncode != 0:
            step = steps[int(marks.read_text(encoding="utf-8").split()[-1])]
            tail = "\n".join(output.splitlines()[-TAIL_LINES:])
            raise AssertionError(f"{step.place}: this ends with {process.returncode}, expected is "
                                 f"{step.code}:\n{step.text}\n"
                                 f"The end of what was printed:\n{tail}")
        return output

    def stop_sandbox(self):
        subprocess.run([PROGRAM, "sandbox", "stop"], env=self.variables, cwd=self.directory,
                       capture_output=True, timeout=60, check=False)


def as_script(number, step):
    mark = MARK.format(number=number)
    body = step.text.rstrip("\n")
    if step.code == ENDLESS:  # it must still go on a little later
        return (f"{mark}{body} &\nsleep 1\nkill -0 $! || exit 95\nkill -TERM $!\n"
                f"wait $! || true\n")
    if step.code == 0:
        return f"{mark}{body}\n"
    return f"{mark}aphex_code=0\n{body} || aphex_code=$?\n(( aphex_code == {step.code} ))\n"


def read_all(process, directory):
    try:
        return process.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{directory}: not done after {SECONDS} s") from None
    finally:
        end_group(process)


def end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


class Cloud(Desk):
    """AWS is the sandbox, with two accounts as profiles; EKS shows a Kubernetes API server.

    Of the cluster is there what its page takes for granted: Argo's definitions, an EventBus.
    """

    PIPELINE, STAGING, CLUSTER = "111122223333", "444455556666", "arbiter"

    def __init__(self, directory, cluster):
        super().__init__(directory)
        self.cluster = cluster
        planted.holds(self.state / "sandbox", "GitHub token")  # in Secrets Manager
        self.sandbox = sandbox_process.start(self.state / "sandbox")
        self.variables |= {"AWS_ENDPOINT_URL": self.sandbox.endpoint,
                           "AWS_CONFIG_FILE": str(self.home / "aws-config"),
                           "KUBECONFIG": str(cluster.kubeconfig),
                           "APHEX_CDK": str(ROOT / "node_modules/.bin/cdk"),
                           "GITHUB_TOKEN": planted.secret("GitHub token", "not-a-real-one")}
        self.link("kubectl", cluster_programs() / "kubectl")
        checks = "".join(f'[[ "aws $1 $2" != "{call}" ]] || more=({each.options})\n'
                         for call, each in ONLY_CHECKED.items() if call.startswith("aws "))
        self.wrap("aws", f'more=()\n{checks}exec {VENV}/aws "$@" "${{more[@]}}"')
        self.write_profiles()
        self.prepare_cluster()

    def write_profiles(self):
        profiles = ""
        for name, account in (("pipeline", self.PIPELINE), ("staging", self.STAGING)):
            key = self.sandbox.key(account)
            profiles += (f"[profile {name}]\nregion = us-east-1\n"
                         f"aws_access_key_id = {key['accessKeyId']}\n"
                         f"aws_secret_access_key = {key['secretAccessKey']}\n")
        (self.home / "aws-config").write_text(profiles, encoding="utf-8")
        planted.holds(self.home / "aws-config", "AWS secret key")

    def prepare_cluster(self):
        code, answer = self.sandbox.call("POST", "/_aphex/clusters", {
            "account": self.PIPELINE, "region": "us-east-1", "name": self.CLUSTER,
            "endpoint": self.cluster.endpoint, "certificateAuthority": self.cluster.ca_data})
        assert code == 200, answer
        self.cluster.eks.cluster_name = self.CLUSTER
        self.cluster.eks.allow(self.sandbox.endpoint)
        # What `aws eks create-access-entry` would do.
        self.cluster.eks.grant(f"arn:aws:iam::{self.PIPELINE}:role/AphexKubectl",
                               groups=["aphex:kubectl"])
        self.cluster.namespace("argo")
        self.cluster.admin.apply({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "EventBus",
            "metadata": {"name": "default", "namespace": "argo"},
            "spec": {"jetstream": {"version": "latest"}}})

    def stop_sandbox(self):
        self.sandbox.stop()
        self.sandbox.process.stderr.close()

"""The example application in a git repository of its own."""

import pathlib
import shutil
import subprocess

from program import REPO

EXAMPLE = REPO / "examples" / "archon-agent"
STACKS = ["ArchonInfrastructureStack", "ArchonKnowledgeBaseStack", "ArchonAgentStack",
          "ArchonMonitoringDashboard"]
# The example's own tests of its code take a quarter of a build and prove nothing about aphex twice.
UNIT_TESTS = "    - npm test\n"


class Example:
    def __init__(self, directory: pathlib.Path, variables: dict[str, str]):
        self.directory = directory
        self.variables = variables
        listed = subprocess.run(["git", "ls-files", "-z", "."], cwd=EXAMPLE, capture_output=True,
                                text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(EXAMPLE / name, target)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments) -> str:
        return subprocess.run(["git", "-C", self.directory, *arguments], env=self.variables,
                              capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, message) -> str:
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def change(self, path, found, instead):
        file = self.directory / path
        text = file.read_text(encoding="utf-8")
        assert text.count(found) >= 1, f"{path} does not hold {found!r}"
        file.write_text(text.replace(found, instead), encoding="utf-8")

    def move_to(self, account):
        """An account of its own keeps what a test deploys apart from the others."""
        self.change("aphex-config.yaml", "111122223333", account)
        self.change("aphex-config.yaml", UNIT_TESTS, "")

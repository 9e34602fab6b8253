"""Every page there is, by name; what the tests walk through and the screenshots show.

test_routes.py compares what was walked through with the program's table of routes.
"""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Page:
    path: str | Callable
    status: int = 200
    # Of the server that asks for tokens, and has nothing else: the name of a token, or "nobody".
    guest: str = ""

    def address(self, scene):
        return self.path if isinstance(self.path, str) else self.path(scene)


PAGES = {
    "overview": Page("/"),
    "overview-filtered": Page("/?q=throttled&pipeline=archon-agent&state=succeeded"),
    "overview-nothing": Page("/?q=there+is+no+such+run"),
    "pipeline": Page("/pipelines/archon-agent"),
    "pipeline-90-days": Page("/pipelines/billing-api?days=90"),
    "run-succeeded": Page(lambda scene: f"/runs/{scene.changed}"),
    "run-failed": Page(lambda scene: f"/runs/{scene.failed}"),
    "run-running": Page(lambda scene: f"/runs/{scene.running}"),
    "run-approval": Page(lambda scene: f"/runs/{scene.asking}"),
    "run-approved": Page(lambda scene: f"/runs/{scene.approved}"),
    "run-nothing": Page("/runs/", 404),
    "artifacts": Page(lambda scene: f"/runs/{scene.changed}/artifacts"),
    "log": Page(lambda scene: scene.failed_log),
    "log-window": Page(lambda scene: scene.long_log),
    "log-lines": Page(lambda scene: f"{scene.long_log}?line=120-124#L120"),
    "log-search": Page(lambda scene: f"{scene.long_log}?q=object+7919"),
    "log-running": Page(lambda scene: scene.running_log),
    "queue": Page("/queue"),
    "deliveries": Page("/deliveries"),
    "audit": Page("/audit"),
    "account": Page("/account"),
    "login-without-tokens": Page("/login"),
    "not-found": Page("/no/such/page", 404),
    "login": Page("/login", guest="nobody"),
    "account-of-a-token": Page("/account", guest="viewer"),
    "forbidden": Page("/audit", 403, guest="viewer"),
    "audit-of-tokens": Page("/audit", guest="root"),
    "empty-overview": Page("/", guest="root"),
    "empty-pipeline": Page("/pipelines/identity", guest="root"),
    "empty-queue": Page("/queue", guest="root"),
    "empty-deliveries": Page("/deliveries", guest="root"),
}

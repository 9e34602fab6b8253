"""Every page there is, by name; what the tests walk through and the screenshots show."""


def paths(scene):
    return {
        "overview": "/",
        "overview-filtered": "/?q=throttled&pipeline=archon-agent&state=succeeded",
        "overview-nothing": "/?q=there+is+no+such+run",
        "pipeline": "/pipelines/archon-agent",
        "pipeline-90-days": "/pipelines/billing-api?days=90",
        "run-succeeded": f"/runs/{scene.changed}",
        "run-failed": f"/runs/{scene.failed}",
        "run-running": f"/runs/{scene.running}",
        "run-approval": f"/runs/{scene.asking}",
        "artifacts": f"/runs/{scene.changed}/artifacts",
        "log": scene.failed_log,
        "log-window": scene.long_log,
        "log-lines": f"{scene.long_log}?line=120-124#L120",
        "log-search": f"{scene.long_log}?q=object+7919",
        "log-running": scene.running_log,
        "queue": "/queue",
        "deliveries": "/deliveries",
        "audit": "/audit",
        "login": "/login",
        "not-found": "/no/such/page",
    }


NAMES = ["overview", "overview-filtered", "overview-nothing", "pipeline", "pipeline-90-days",
         "run-succeeded", "run-failed", "run-running", "run-approval", "artifacts", "log",
         "log-window", "log-lines", "log-search", "log-running", "queue", "deliveries", "audit",
         "login", "not-found"]

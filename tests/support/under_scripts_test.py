"""A plugin of pytest's that scripts/test loads.

It names each failure when it happens, so that the log of a suite that is ended for its slowness
says what went wrong; and a suite that is told to end takes its servers and clusters along."""

import signal
import time


class AtOnce:
    def __init__(self, reporter):
        self.reporter = reporter
        self.began = time.monotonic()

    def pytest_runtest_logreport(self, report):
        if not report.failed:
            return
        reason = getattr(getattr(report.longrepr, "reprcrash", None), "message", "")
        self.reporter.write_line("")
        self.reporter.write_line(f"failed after {time.monotonic() - self.began:.0f} s: "
                                 f"{report.nodeid} ({report.when}, {report.duration:.1f} s): "
                                 f"{reason.partition(chr(10))[0]}")


def interrupt(_number, _frame):
    raise KeyboardInterrupt


def pytest_sessionstart(session):
    # As for Ctrl-C: fixtures are torn down. SIGINT itself is ignored in a background job.
    signal.signal(signal.SIGTERM, interrupt)
    plugins = session.config.pluginmanager
    plugins.register(AtOnce(plugins.get_plugin("terminalreporter")))

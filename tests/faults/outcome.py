"""What became of a cell: one word of the table, and the message behind it."""

import dataclasses
import re

from plays import Played
from steps import Step

# By what a message may differ from run to run.
CHANGING = (
    (r"\b[0-9a-f]{64}\b", "SHA256"), (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"\bartifacts-app-[0-9a-f]{8}\b", "BUCKET"), (r"\bapp-[0-9a-f]{8}\b", "PIPELINE"),
    (r"\bApi-[0-9a-f]{8}\b", "Api-BRANCH"), (r"\brun-[0-9a-f]{8}\b", "RUN"),
    (r"\bobject-[0-9a-f]{8}\b", "OBJECT"), (r"(:secret:hook)-\w+", r"\1"),
    (r"\bexecutor-[0-9a-f]{8}\b", "ROLE"), (r"\barbiter-[0-9a-f]{8}\b", "arbiter"),
    (r"(localhost|127\.0\.0\.1)(:| port )\d+", r"\1\2PORT"), (r"\btest-\d+\b", "NAMESPACE"),
    (r"after \d+ ms", "after TIME"), (r"\b\d+ milliseconds", "TIME"),
    (r"\b\d+ (out of \d+ )?bytes", "N bytes"), (r"part \d+ of \d+", "part N of N"),
    (r"(/[\w.-]+)+/(work|source)\b", "WORK"),
    # Of bytes that are damaged, what zlib makes of them: they are other ones for each commit.
    (r"(inflate: data stream error) \([^)]*\)", r"\1 (REASON)"),
    # Of a connection that is cut, whoever notices it first.
    (r"(Send failure: (Connection reset by peer|Broken pipe)|Empty reply from server"
     r"|Recv failure: Connection reset by peer)", "Recv failure: Connection reset by peer"))


@dataclasses.dataclass
class Outcome:
    step: Step
    fault: str
    times: object
    played: Played
    hits: int
    seen: list

    @property
    def has_failed(self):
        return self.played.code != self.step.code

    @property
    def was_left_out(self):
        """A step that is not needed: its log says what happened."""
        return bool(self.step.says) and re.search(self.step.says, self.played.said) is not None

    @property
    def verdict(self):
        if self.has_failed:
            return f"error {self.played.code}"
        if self.was_left_out:
            return "went on"
        return "waited" if self.fault == "slow answer" else "retried"

    @property
    def words(self):
        text = self.played.err.strip()
        for pattern, name in CHANGING:
            text = re.sub(pattern, name, text)
        return text

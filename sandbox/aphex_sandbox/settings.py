"""Process-wide settings, fixed before the first request, and what the process knows of itself."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Settings:
    state_dir: Path = Path(".")
    port: int = 0
    pipeline_account: str = "111122223333"
    state_error: str | None = None  # why the last snapshot failed; shown by the health call

    @property
    def endpoint(self) -> str:
        # The name must be localhost: SDKs and moto derive bucket names from the host.
        return f"http://localhost:{self.port}"

    @property
    def lenient(self) -> bool:
        return os.environ.get("APHEX_SANDBOX_LENIENT") == "1"


SETTINGS = Settings()

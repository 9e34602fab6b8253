"""What the program answers to browsers, read from its own tables; and what was seen of it."""

import pathlib
import re

SERVER = pathlib.Path(__file__).resolve().parents[2] / "src" / "server"
TABLE = re.compile(r"constexpr Route kRoutes\[\] = \{\n(.*?)\n\};", re.DOTALL)
ROW = re.compile(r'\{"([A-Z]+)",\s*("[^"]*"|\w+),\s*Access::\w+,\s*[^{}]+\}')
# As is_for_programs() of src/server/access/admission.cpp; the webhook's path has a name there.
FOR_PROGRAMS = ("/api/", "/metrics", "/healthz", "/readyz", "kWebhookPath")
# Says to everybody that there is nothing.
NOTHING = "/runs/"


def tables():
    """The rows of each table: (method, path)."""
    found = []
    for file in sorted(SERVER.rglob("*.cpp")):
        for text in TABLE.findall(file.read_text(encoding="utf-8")):
            rows = [(method, path.strip('"')) for method, path in ROW.findall(text)]
            assert len(rows) == text.count('{"'), f"{file.name} has rows of another form:\n{text}"
            found.append(rows)
    listed, = re.findall(r"std::span<const Route>, (\d+)>",
                         (SERVER / "routes.cpp").read_text(encoding="utf-8"))
    assert len(found) == int(listed), "routes.cpp lists other tables than there are"
    return found


def of_pages():
    """Routes that browsers ask for: pages, their files and streams, and what forms are sent to."""
    return [(method, path) for rows in tables() for method, path in rows
            if not path.startswith(FOR_PROGRAMS)]


def pattern_of(path):
    """`{}` is one segment and `*` all that is left, as fits() of src/server/routes.cpp has it."""
    escaped = re.escape(path).replace(r"\{\}", "[^/]+")
    return re.compile(escaped.removesuffix(r"\*") + ".+" if path.endswith("*") else escaped)


class Seen:
    """Which routes each kind of visitor has had a good answer of."""

    def __init__(self):
        self.routes = [(method, path, pattern_of(path)) for method, path in of_pages()]
        self.visits = set()

    def add(self, visitor, method, path, status):
        for known, route, pattern in self.routes:
            good = status == 404 if route == NOTHING else status < 400
            if good and known == method and pattern.fullmatch(path):
                self.visits.add((visitor, known, route))

    def missing(self, visitors):
        """The routes that one of these visitors has not seen."""
        return [f"{method} {path}: {visitor}" for method, path, _ in self.routes
                for visitor in visitors if (visitor, method, path) not in self.visits]

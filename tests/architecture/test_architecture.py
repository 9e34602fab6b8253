"""The rules of docs and style that a program can check: directions, sizes, words.

src/CMakeLists.txt is the one place that says which folder uses which; this reads it.
"""

import ast
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100

# Header (as in #include <…>) to the dep_<name> that brings it; the longest prefix counts.
THIRD_PARTY = {
    "yaml.h": "yaml", "nlohmann/": "json", "fmt/": "fmt", "tl/expected.hpp": "expected",
    "openssl/": "crypto", "curl/": "curl", "pugixml.hpp": "pugixml", "sqlite3.h": "sqlite",
    "archive.h": "archive", "archive_entry.h": "archive", "libdeflate.h": "deflate",
    "zlib.h": "zlib", "CLI/": "cli11", "gtest/": "gtest", "gmock/": "gtest",
    "rapidcheck": "rapidcheck", "benchmark/": "benchmark", "boost/": "boost", "spdlog/": "spdlog",
    "isa-l": "isal",
}
FOR_TESTS = {"gtest", "rapidcheck"}
# Generated at build time, or not ours to word.
NOT_PROSE = re.compile(r"(^|/)(package-lock\.json|LICENSE)$|^tests/(data|golden)/|\.(png|svg|bin)$")


def repository_files():
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    paths = [pathlib.Path(name) for name in listed.split("\0") if name]
    return [path for path in paths if (ROOT / path).is_file()]


def text_of(path):
    data = (ROOT / path).read_bytes()
    return None if b"\0" in data else data.decode("utf-8", errors="replace")


FILES = repository_files()
CPP = [path for path in FILES if path.suffix in (".cpp", ".hpp")
       and path.parts[0] in ("src", "include", "tests")]
SOURCES = [path for path in CPP if path.parts[0] == "src"]
CODE = [path for path in FILES
        if path.suffix in (".cpp", ".hpp", ".py", ".ts", ".cmake")
        or path.name in ("CMakeLists.txt", "Makefile")
        or (path.parts[0] in ("scripts", ".ci") and path.suffix == "")]


class Folder:
    def __init__(self, arguments):
        words = arguments.split()
        self.name, key = words[0], None
        self.lists = {"USES": [], "DEPS": [], "PRIVATE_DEPS": []}
        for word in words[1:]:
            if word in self.lists:
                key = word
            else:
                self.lists[key].append(word)

    @property
    def uses(self):
        return self.lists["USES"]


def read_folders():
    text = re.sub(r"#.*", "", (SRC / "CMakeLists.txt").read_text(encoding="utf-8"))
    found = [Folder(match) for match in re.findall(r"aphex_folder\(([^)]*)\)", text)]
    return {folder.name: folder for folder in found}


FOLDERS = read_folders()


def reachable(name):
    """The folder itself and those it uses, directly or not: USES is public."""
    seen, waiting = set(), [name]
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting.extend(FOLDERS[at].uses)
    return seen


def includes(path):
    for number, line in enumerate(text_of(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1), match.group(2)


def dependency_of(header):
    fitting = [prefix for prefix in THIRD_PARTY if header.startswith(prefix)]
    return THIRD_PARTY[max(fitting, key=len)] if fitting else None


def report(violations):
    assert not violations, "\n" + "\n".join(violations)


def test_every_folder_of_src_is_listed_with_what_it_uses():
    folders = {path.parts[1] for path in SOURCES if len(path.parts) > 2}
    report([f"src/{name} is not in src/CMakeLists.txt" for name in folders - set(FOLDERS)])


def test_folders_do_not_use_one_another_in_a_circle():
    report([f"{name} uses itself by {used}" for name, folder in FOLDERS.items()
            for used in folder.uses if name in reachable(used)])


def test_includes_follow_the_direction_of_the_architecture():
    violations = []
    for path in SOURCES:
        if len(path.parts) < 3:
            continue
        allowed = reachable(path.parts[1])
        for number, kind, header in includes(path):
            folder = header.split("/")[0]
            if kind == '"' and folder in FOLDERS and folder not in allowed:
                violations.append(f"{path}:{number}: {path.parts[1]} does not use {folder}")
    report(violations)


def test_pure_folders_read_no_clock_file_or_environment():
    forbidden = re.compile(r"\b(getenv|system_clock|steady_clock|fopen|ifstream|ofstream)\b")
    violations = []
    for path in SOURCES:
        if path.parts[1] not in ("config", "plan", "cdk", "argo") or path.stem.endswith("_test"):
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if forbidden.search(line.split("//")[0]):
                violations.append(f"{path}:{number}: {line.strip()}")
    report(violations)


def allowed_dependencies(path):
    folder = path.parts[1]
    allowed = set(FOLDERS[folder].lists["PRIVATE_DEPS"])
    for used in reachable(folder):
        allowed |= set(FOLDERS[used].lists["DEPS"])
    if path.stem.endswith(("_test", "_test_support")):
        allowed |= FOR_TESTS
    return allowed


def test_third_party_headers_stay_in_the_folder_that_owns_them():
    violations = []
    for path in SOURCES:
        if len(path.parts) < 3:
            continue
        for number, kind, header in includes(path):
            dependency = dependency_of(header) if kind == "<" else None
            if dependency and dependency not in allowed_dependencies(path):
                violations.append(f"{path}:{number}: <{header}> belongs to dep_{dependency}")
    report(violations)


def test_a_source_includes_its_own_header_first():
    violations = []
    for path in SOURCES:
        header = path.with_name(path.stem.removesuffix("_test") + ".hpp")
        if path.suffix != ".cpp" or not (ROOT / header).exists():
            continue
        first = next(includes(path), None)
        if first is None or first[2] != str(header.relative_to("src")):
            violations.append(f"{path}: its first include is not \"{header.relative_to('src')}\"")
    report(violations)


def test_headers_are_guarded_and_open_no_namespace_for_others():
    violations = []
    for path in CPP:
        text = text_of(path)
        if path.suffix != ".hpp":
            continue
        if "#pragma once" not in text:
            violations.append(f"{path}: no #pragma once")
        if re.search(r"^\s*using namespace", text, re.MULTILINE):
            violations.append(f"{path}: using namespace in a header")
    report(violations)


def test_nothing_of_ours_throws_or_detaches_a_thread():
    forbidden = re.compile(r"\bthrow\b(?!\s*\()|\.detach\(\)|std::async\b")
    violations = []
    for path in SOURCES:
        if path.stem.endswith("_test"):
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            code = re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0]
            if forbidden.search(code):
                violations.append(f"{path}:{number}: {line.strip()}")
    report(violations)


def test_files_are_no_longer_than_a_person_reads_at_once():
    report([f"{path}: {count} lines, at most {MAX_FILE_LINES}" for path in CODE
            if (count := text_of(path).count("\n")) > MAX_FILE_LINES])


def test_lines_are_no_longer_than_100_columns():
    violations = []
    for path in CODE:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            # A single word (an address, a digest in a test vector) cannot be broken.
            if len(line) > MAX_COLUMNS and len(line.split()) > 1 and 'R"' not in line:
                violations.append(f"{path}:{number}: {len(line)} columns")
    report(violations)


RAW_STRING = re.compile(r'(?<!\w)R"\w*\(')
NOT_A_FUNCTION = re.compile(
    r"(namespace|class|struct|enum|union|extern|template|constexpr|const|inline constexpr)\b")


def cpp_functions(path):
    """Of clang-format's layout: a head at column 0 that opens a brace, its end a lone brace."""
    start, head, raw = None, "", False
    for number, line in enumerate(text_of(path).splitlines(), 1):
        opened = RAW_STRING.split(line)
        raw = (raw or len(opened) > 1) and ')"' not in opened[-1]
        if raw:
            continue
        if start is None and line and not line[0].isspace() and line.rstrip().endswith("{"):
            start, head = number, line
        elif start is not None and line.startswith("}"):
            # Type bodies are bounded by the file's length, namespaces end with a comment.
            if not NOT_A_FUNCTION.match(head):
                yield start, number - start + 1
            start = None
        if start is not None and line.startswith("namespace"):
            start = None


def python_functions(path):
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def test_functions_fit_on_a_screen():
    violations = []
    for path in CODE:
        if path.suffix in (".cpp", ".hpp"):
            found = cpp_functions(path)
        elif path.suffix == ".py":
            found = python_functions(path)
        else:
            continue
        violations += [f"{path}:{line}: a function of {count} lines, at most {MAX_FUNCTION_LINES}"
                       for line, count in found if count > MAX_FUNCTION_LINES]
    report(violations)


def word(*parts):
    """So that this file does not hold what it looks for."""
    return "".join(parts)


@pytest.mark.parametrize("what, pattern", [
    ("a note to come back", rf"\b({word('TO', 'DO')}|{word('FIX', 'ME')}|{word('X', 'XX')})\b"),
    ("a path of one machine", rf"(^|[\s\"'`(=:])/({word('work', '/')}|{word('root', '/')})|"
                              rf"/{word('home', '/')}(?!me/)\w+/"),
    ("a package registry's address",
     "|".join(map(re.escape, [
         word("registry.npm", "js"), word("pypi.", "org"), word("python", "hosted"),
         word("proxy.go", "lang"), word("deb.deb", "ian"), word("static.", "crates.io")]))),
    ("a conflict that was not resolved", rf"^({word('<<<', '<<<<')} |{word('>>>', '>>>>')} )"),
])
def test_no_text_holds(what, pattern):
    expression = re.compile(pattern)
    violations = []
    for path in FILES:
        text = text_of(path)
        if text is None or NOT_PROSE.search(str(path)):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if expression.search(line):
                violations.append(f"{path}:{number}: {what}: {line.strip()[:80]}")
    report(violations)


def test_lock_files_name_no_place_to_download_from():
    report([str(path) for path in FILES if path.name == "package-lock.json"
            and '"resolved": "http' in text_of(path)])


def test_scripts_can_be_executed():
    report([f"{path} starts with #! and is not executable" for path in FILES
            if path.suffix in ("", ".sh") and (text_of(path) or "").startswith("#!")
            and not (ROOT / path).stat().st_mode & 0o100])

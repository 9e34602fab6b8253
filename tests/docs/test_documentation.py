"""What the documents say, against the program and the sources: commands, outputs, keys, messages,
links and paths."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import message_catalogue  # noqa: E402
import shell_blocks  # noqa: E402

PROGRAM = os.environ.get("APHEX_BIN", str(ROOT / "build" / "release" / "bin" / "aphex"))
PAGES = sorted([ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
               + list((ROOT / "docs").rglob("*.md")))
MAX_COLUMNS = 100
# A shorter piece of a message would be found anywhere.
MIN_FRAGMENT = 6


def name_of(page):
    return str(page.relative_to(ROOT))


def text_of(page):
    return page.read_text(encoding="utf-8")


def environment(directory):
    return {**os.environ, "NO_COLOR": "1", "APHEX_STATE_DIR": str(directory / "state"),
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
            "PATH": f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}"}


def execute(directory, repository, argv):
    return subprocess.run(argv, cwd=repository, env=environment(directory), text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


def repository_of(directory, name, files=None):
    """A git repository with one commit, called `name`."""
    repository = directory / name
    repository.mkdir(exist_ok=True)
    for path, content in (files or {}).items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(content, encoding="utf-8")
    git = ["git", "-c", "user.name=Docs", "-c", "user.email=docs@example.com"]
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "First"]):
        done = execute(directory, repository, [*git, *argv])
        assert done.returncode == 0, done.stderr
    return repository


# --- what is shown ------------------------------------------------------------------------------

def shown_commands():
    """(page, folder, command, output) of each console block that is marked as tested."""
    block = re.compile(r"<!-- tested: (\S+) -->\n```console\n(.*?)```", re.DOTALL)
    for page in PAGES:
        for folder, text in block.findall(text_of(page)):
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield pytest.param(folder, command, output, id=f"{name_of(page)}: {command}")


def as_pattern(output):
    """'…' alone in a line stands for any lines."""
    lines = [r"(?:.*\n)*?" if line == "…" else re.escape(line) + "\n"
             for line in output.splitlines()]
    return "".join(lines)


@pytest.mark.parametrize("folder, command, output", list(shown_commands()))
def test_a_shown_command_prints_what_is_shown(tmp_path, folder, command, output):
    source = ROOT / folder
    ignored = shutil.ignore_patterns("node_modules", "build", "cdk.out", ".git")
    shutil.copytree(source, tmp_path / source.name, ignore=ignored)
    repository = repository_of(tmp_path, source.name)

    done = execute(tmp_path, repository, shlex.split(command))

    printed = done.stdout + done.stderr
    assert re.fullmatch(as_pattern(output), printed), f"it prints:\n{printed}"


def test_some_commands_are_shown():
    assert len(list(shown_commands())) >= 2


# --- reference pages ----------------------------------------------------------------------------

@pytest.mark.parametrize("generator", ["generate-config-reference", "generate-server-reference",
                                       "generate-command-reference", "generate-message-reference"])
def test_a_reference_page_is_up_to_date(generator):
    done = subprocess.run([ROOT / "scripts" / generator, "--check", "--program", PROGRAM],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pictures_are_up_to_date():
    done = subprocess.run([ROOT / "scripts/generate-pictures", "--check"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr


SCREENSHOTS = sorted((ROOT / "docs/screenshots").glob("*.png"))


@pytest.mark.parametrize("screenshot", SCREENSHOTS, ids=name_of)
def test_a_screenshot_is_shown_by_a_page(screenshot):
    assert [page for page in PAGES if f"screenshots/{screenshot.name})" in text_of(page)] != []


@pytest.mark.parametrize("picture", sorted((ROOT / "docs/pictures").glob("*.svg")), ids=name_of)
def test_a_picture_shows_each_of_its_words_and_is_shown_by_a_page(picture):
    root = xml.parse(picture).getroot()
    words = " ".join(element.text for element in root.iter() if element.tag.endswith("}text"))
    source = text_of(picture.with_suffix(".dot"))
    labels = [line for label in re.findall(r'label="([^"]+)"', source)
              for line in label.split("\\n")]
    assert [line for line in labels if line not in words] == []
    assert [name_of(page) for page in PAGES if picture.name in text_of(page)] != []
    # Nothing from elsewhere: it is shown where no network is.
    assert "href" not in text_of(picture)


def help_of(command):
    return subprocess.run([PROGRAM, *command, "--help"], capture_output=True, text=True,
                          check=True).stdout


COMMANDS = re.findall(r"^  ([a-z]+)  +\S", help_of([]).partition("Subcommands:\n")[2].partition(
    "\n\n")[0], re.MULTILINE) if os.path.exists(PROGRAM) else []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_that_a_page_names_exist(page):
    # Within `…`, or a line of a block of commands.
    calls = re.findall(r"`aphex ([a-z][a-z-]*)([^`\n]*)`", text_of(page))
    calls += re.findall(r"^(?:    |\$ )aphex ([a-z][a-z-]*)([^#\n]*)", text_of(page), re.MULTILINE)
    calls += [call for block in shell_blocks.blocks_of(page)
              for call in re.findall(r"^aphex ([a-z][a-z-]*)([^#\n]*)", block.text, re.MULTILINE)]
    hidden = {"credentials", "git-credential"}  # what git and AWS's libraries start, not people
    wrong = []
    for command, arguments in calls:
        if command in hidden:
            continue
        if command not in COMMANDS:
            wrong.append(f"aphex {command}")
            continue
        known = help_of([command])
        wrong += [f"aphex {command} {option}" for option in re.findall(r"--[a-z-]+", arguments)
                  if not re.search(rf"{option}(?![a-z-])", known)]
    assert wrong == []


def test_the_commands_of_make_exist():
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = set()
    for page in PAGES:
        shown = "".join(block.text for block in shell_blocks.blocks_of(page))
        named |= set(re.findall(r"^(?:sudo )?make ([a-z-]+)", shown, re.MULTILINE))
        named |= set(re.findall(r"(?:^    |`)(?:sudo )?make ([a-z-]+)", text_of(page),
                                re.MULTILINE))
    assert named >= {"demo", "test", "build", "install"}
    assert named - targets == set()


def test_exit_codes_are_those_of_the_program():
    header = text_of(ROOT / "src/cli/exit_code.hpp")
    of_program = re.findall(r"^  \w+ = (\d+),", header, re.MULTILINE)
    section = text_of(ROOT / "docs/commands.md").partition("## Exit codes")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == of_program


# --- the configuration --------------------------------------------------------------------------

def configurations():
    """Whole ones, on any page."""
    for page in PAGES:
        blocks = re.findall(r"```yaml\n(.*?)```", text_of(page), re.DOTALL)
        for number, block in enumerate(blocks, 1):
            if block.startswith("version:") and "\nenvironments:" in block:
                yield pytest.param(block, id=f"{name_of(page)}: block {number}")


@pytest.mark.parametrize("text", list(configurations()))
def test_a_configuration_that_is_shown_is_valid(tmp_path, text):
    stacks = [stack for environment_ in yaml.safe_load(text)["environments"]
              for stack in environment_["stacks"]]
    files = {stack["path"]: "export {};\n" for stack in stacks}
    repository = repository_of(tmp_path, "app", {**files, "aphex-config.yaml": text})

    done = execute(tmp_path, repository, [PROGRAM, "validate", "--strict"])

    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr


def test_every_key_is_described():
    page = text_of(ROOT / "docs/configuration.md")
    schema = json.loads(subprocess.run([PROGRAM, "schema"], capture_output=True, text=True,
                                       check=True).stdout)
    missing = []

    def walk(path, record):
        for key, below in record.get("properties", {}).items():
            name = f"{path}.{key}" if path else key
            if f"#### `{name}`" not in page:
                missing.append(name)
            walk(f"{name}[]" if below.get("type") == "array" else name,
                 below.get("items", below))

    walk("", schema)
    assert missing == []


def test_settings_said_to_have_an_effect_are_all_that_the_plan_does_not_only_keep():
    page = text_of(ROOT / "docs/configuration.md")
    sentence = page.partition("## Which settings have an effect today")[2].partition("have an")[0]
    named = {word.removeprefix("pipeline.") for word in re.findall(r"`([\w.]+)`", sentence)}
    loaded = text_of(ROOT / "src/config/load.cpp")
    assert named == {"name", "onChange", "maxParallelStacks", "bootstrapQualifier",
                     "artifactStore", "additionalRegions"}
    assert [key for key in named if f'"{key}"' not in loaded] == []


# --- messages -----------------------------------------------------------------------------------

def literals():
    """Every message of the sources: adjacent literals joined, placeholders and escapes replaced."""
    found = []
    for path in [*(ROOT / "src").rglob("*.cpp"), *(ROOT / "sandbox").rglob("*.py")]:
        if path.stem.endswith("_test"):
            continue
        text = re.sub(r'"\s*\n\s*f?"', "", text_of(path))
        found += re.findall(r'"((?:\\.|[^"\\\n])*)"', text)
    return "\n".join(literal.replace('\\"', '"') for literal in found)


# A heading of words alone is no message.
MESSAGES = re.findall(r"^### `(.*)`$", text_of(ROOT / "docs/troubleshooting.md"), re.MULTILINE)
LITERALS = literals()


def is_worded(text):
    """As a whole, or put together of two literals."""
    words = text.split(" ")
    halves = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
    return text in LITERALS or any(
        min(len(one), len(two)) >= MIN_FRAGMENT and one in LITERALS and two in LITERALS
        for one, two in halves)


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_troubleshooting_page_is_one_of_the_program(message):
    # Placeholders, and states of CloudFormation.
    fragments = [part.strip() for part in re.split(r"<[^>]*>|[A-Z_]{12,}", message)
                 if len(part.strip()) >= MIN_FRAGMENT]
    assert fragments, "a message of placeholders alone"
    assert [part for part in fragments if not is_worded(part)] == []


MADE_IN = ("src/config/messages.cpp", "src/doc/yaml_messages.cpp", "src/server/server_config.cpp",
           "src/server/notify/channel_config.cpp")
DIAGNOSTIC = "(?:config|server|yaml)/[a-z0-9-]+"
DIAGNOSTICS = sorted({name for file in MADE_IN
                      for name in re.findall(f'"({DIAGNOSTIC})"', text_of(ROOT / file))})


@pytest.mark.parametrize("diagnostic", DIAGNOSTICS)
def test_each_diagnostic_has_its_entry(diagnostic):
    page = text_of(ROOT / "docs/troubleshooting.md")
    section = page.partition("## Diagnostics by their ids")[2].partition("\n## ")[0]
    entries = re.split(r"^- ", section, flags=re.MULTILINE)[1:]
    heads = [re.findall(f"`({DIAGNOSTIC})`", entry.partition(":")[0])
             for entry in entries]
    assert sum(diagnostic in head for head in heads) == 1


def test_entries_of_diagnostics_are_of_the_program():
    assert len(DIAGNOSTICS) > 30
    page = text_of(ROOT / "docs/troubleshooting.md")
    assert set(re.findall(f"`({DIAGNOSTIC})`", page)) == set(DIAGNOSTICS)
    elsewhere = [str(file) for file in (ROOT / "src").rglob("*.cpp")
                 if str(file.relative_to(ROOT)) not in MADE_IN and not file.stem.endswith("_test")
                 and re.search(rf'\{{?"{DIAGNOSTIC}", Severity::', text_of(file))]
    assert elsewhere == []


def test_each_kind_of_error_is_explained():
    header = text_of(ROOT / "include/aphex/result.hpp")
    kinds = re.findall(r"^  (\w+),", header.partition("enum class ErrorCode {")[2].partition(
        "};")[0], re.MULTILINE)
    table = text_of(ROOT / "docs/messages.md").partition("## Kinds")[2].partition("\n## ")[0]
    named = re.findall(r"^\| ([a-z ]+) \| [\d]+ \|", table, re.MULTILINE)
    assert named == [kind.replace("_", " ") for kind in kinds]


CPP = r"""
  return fail(ErrorCode::not_found, fmt::format("there is no run {} of {}", id, name),  // a remark
              known ? "'aphex runs' lists them" : std::string());
  return fail_because("cannot read " + file.string(), std::move(error));
  return tl::unexpected(Error{.code = ErrorCode::io, .message = "the disk " + what + " is full"});
  return fail(error);
"""


def test_messages_are_read_from_the_sources_as_people_see_them():
    found = message_catalogue.messages_of("a.cpp", CPP)
    assert [(each.kind, each.text, each.hint) for each in found] == [
        ("not_found", "there is no run <…> of <…>", "'aphex runs' lists them"),
        ("", "cannot read <…>", ""),
        ("io", "the disk <…> is full", "")]


def test_the_list_of_messages_has_those_that_are_explained():
    listed = text_of(ROOT / "docs/messages.md")
    assert listed.count("\n- `") > 300
    for message in ("no sandbox is running", "the app of environment <…> lacks context: <…>"):
        assert f"`{message}`" in listed


# --- links, paths, form -------------------------------------------------------------------------

def anchors(page):
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(plain)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", text_of(page), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text,
                                                             re.MULTILINE)
    broken = []
    for target in targets:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_a_page_names_exist(page):
    named = re.findall(r"`((?:src|docs|scripts|sandbox|tests|examples|include|cmake)/[\w./-]+)`",
                       text_of(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_files_of_the_architecture_exist():
    text = text_of(ROOT / "ARCHITECTURE.md")
    named = re.findall(r"`((?:base|os|doc|config|plan|aws|store|engine|cli)/[\w./-]+)`", text)
    folders = re.findall(r"^((?:src|include|sandbox|examples|tests|scripts|docs|cmake)/[\w/-]*)",
                         text, re.MULTILINE)
    assert len(named) > 10 and len(folders) > 10
    missing = [path for path in named if not (ROOT / "src" / path).exists()]
    assert missing + [path for path in folders if not (ROOT / path).exists()] == []


def test_every_folder_of_the_sources_has_its_line_in_the_architecture():
    text = text_of(ROOT / "ARCHITECTURE.md")
    folders = [f"src/{path.name}/" for path in (ROOT / "src").iterdir()
               if any(path.rglob("*.cpp"))]
    assert [folder for folder in folders if f"\n{folder}" not in text] == []


def test_every_decision_is_listed_once_with_its_title():
    directory = ROOT / "docs/adr"
    index = text_of(directory / "README.md")
    records = sorted(directory.glob("[0-9]*.md"))
    assert [record.name[:4] for record in records] == [f"{n:04}" for n in
                                                       range(1, len(records) + 1)]
    assert [record.name for record in records if index.count(f"]({record.name})") != 1] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_lines_fit_in_100_columns(page):
    # What a program prints is as wide as it is; a row of a table and a picture are one line each.
    text = re.sub(r"```(?:console|text)\n.*?```", "", text_of(page), flags=re.DOTALL)
    long = [line for line in text.splitlines() if len(line) > MAX_COLUMNS
            and " " in line.strip() and not line.startswith(("|", "!["))]
    assert long == []

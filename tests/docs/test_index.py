"""Who finds what: the lists of README.md, docs/README.md and CONTRIBUTING.md, and the tables of
ARCHITECTURE.md, against the folders that they list."""

import collections
import re

from shell_blocks import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
INDEX = (ROOT / "docs/README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
ITEM = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)
# Paragraphs, headings, tables, fences and nothing else may follow a list without an empty line.
GLUED = re.compile(r"^- .*(?:\n  .*)*\n(?!- |  |\n)(.+)", re.MULTILINE)


def without_blocks(text):
    return re.sub(r"^```.*?^```$", "\n", text, flags=re.DOTALL | re.MULTILINE)


def items(text):
    return ITEM.findall(without_blocks(text))


def test_no_link_stands_twice_in_the_readmes_lists():
    links = collections.Counter(link for item in items(README) for link in LINK.findall(item))
    assert len(links) > 15
    assert [link for link, count in links.items() if count > 1] == []


def test_a_list_has_an_empty_line_behind_it():
    assert GLUED.search("- one\n  more\n- two\n\nA sentence") is None
    assert GLUED.search("- one\n  more\nA sentence")[1] == "A sentence"
    glued = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        found = GLUED.findall(without_blocks(page.read_text(encoding="utf-8")))
        if found:
            glued[page.name] = found
    assert glued == {}


def test_every_page_is_in_the_index():
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")
             if page.parent.name != "adr"} - {"README.md"}
    assert len(pages) > 25
    assert sorted(pages - set(LINK.findall(INDEX))) == []


def test_every_screenshot_is_shown_by_a_page():
    text = "".join(page.read_text(encoding="utf-8") for page in [
        ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    shown = [picture.name for picture in (ROOT / "docs/screenshots").glob("*.png")]
    assert len(shown) > 3
    assert [name for name in shown if f"screenshots/{name}" not in text] == []


def test_every_target_of_make_is_named():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)) - {"help"}
    laptop = (ROOT / "docs/setup-laptop.md").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z-]+)", README + CONTRIBUTING + laptop))
    assert sorted(targets - named - {"setup", "clean"}) == []
    # What a suite is told by a variable, too.
    assert "APHEX_TEST_IMAGE=1 scripts/test image" in CONTRIBUTING


def test_every_folder_of_the_tests_is_named():
    line = ARCHITECTURE.partition("\ntests/  ")[2].partition("\nscripts/")[0]
    named = set(re.findall(r"[a-z_0-9]+", line))
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert sorted(name for name in folders - named if not name.startswith((".", "_"))) == []


# --- versions of formats ------------------------------------------------------------------------

def formats():
    """File → version, as the table says."""
    table = ARCHITECTURE.partition("## Formats and their versions")[2].partition("\n## ")[0]
    return {file: row[1] for row in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", table,
                                               re.MULTILINE)
            for file in re.findall(r"`([\w/]+\.\w+)`", row[2])}


def test_every_version_in_the_sources_is_in_the_table():
    constants = {}
    for path in (ROOT / "src").rglob("*.[ch]pp"):
        for number in re.findall(r"constexpr std::int64_t k\w*Version = (\d+);",
                                 path.read_text(encoding="utf-8")):
            constants[str(path.relative_to(ROOT / "src").with_suffix(""))] = number
    assert len(constants) > 10
    told = formats()
    missing = {name: number for name, number in constants.items()
               if not any(file.startswith(name) and version == number
                          for file, version in told.items())}
    assert missing == {}


def test_the_databases_version_is_that_of_the_newest_migration():
    newest = max(int(path.name[:4]) for path in (ROOT / "src/store/migrations").glob("*.sql"))
    assert formats()["store/schema.sql"] == f"{newest} (`PRAGMA user_version`)"


def test_the_versions_of_both_configurations_are_in_the_table():
    header = (ROOT / "src/config/config.hpp").read_text(encoding="utf-8")
    version = re.search(r'kVersion = "([^"]+)"', header)[1]
    for name in ("aphex-config.yaml", "aphex-server.yaml"):
        assert f'| `{name}` | `"{version}"` |' in ARCHITECTURE

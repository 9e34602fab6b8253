"""The command line itself: help, usage errors, completions, lists."""

import subprocess

import pytest

from program import plain

COMMANDS = ["init", "validate", "plan", "schema", "sandbox", "run", "runs", "logs", "outputs",
            "cancel", "resume", "doctor", "completion"]


def test_help_lists_every_command(aphex):
    done = aphex.run("--help", cwd="/")

    assert (done.code, done.err) == (0, "")
    listed = [line.split()[0] for line in done.out.splitlines() if line.startswith("  ")]
    assert [name for name in COMMANDS if name not in listed] == []
    assert "First steps:\n  aphex init " in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_examples(aphex, command):
    done = aphex.run(command, "--help", cwd="/")

    assert (done.code, done.err) == (0, "")
    assert "Examples:\n  " in done.out
    assert f"aphex {command}" in done.out.split("Examples:\n")[1]


@pytest.mark.parametrize("words, same", [
    (["help"], ["--help"]), (["help", "run"], ["run", "--help"])])
def test_help_is_asked_for_by_its_word_too(aphex, words, same):
    assert aphex.run(*words, cwd="/").out == aphex.run(*same, cwd="/").out
    assert aphex.run("help", "runn", cwd="/").code == 2


def test_the_version_is_printed(aphex):
    done = aphex.run("--version", cwd="/")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("aphex ")


@pytest.mark.parametrize(("arguments", "message"), [
    (["runn"], "error: there is no command 'runn'\n hint: did you mean 'aphex run'?\n"),
    (["xyzzy"], "error: there is no command 'xyzzy'\n hint: 'aphex --help' lists the commands\n"),
    (["run", "--sandbx"], "error: 'aphex run' takes no '--sandbx'\n"
                          " hint: did you mean --sandbox?\n"),
    (["run", "extra"], "error: 'aphex run' takes no 'extra'\n"
                       " hint: 'aphex run --help' shows what it takes\n"),
    (["runs", "--state", "fialed"],
     "error: --state: 'fialed' is none of queued, running, succeeded, failed, cancelled, "
     "interrupted, handed-over; did you mean failed?\n"
     " hint: 'aphex runs --help' shows what it takes\n"),
    (["runs", "--limit"], "error: --limit: 1 required N missing\n"
                          " hint: 'aphex runs --help' shows what it takes\n"),
    (["runs", "--limit", "many"], "error: --limit takes a number from 1, not 'many'\n"
                                  " hint: without it the latest 20 are listed\n"),
    (["sandbox"], "error: ACTION is required\n"
                  " hint: 'aphex sandbox --help' shows what it takes\n"),
    (["sandbox", "explode"], "error: ACTION: 'explode' is none of start, stop, status, reset, env, "
                             "cluster\n"
                             " hint: 'aphex sandbox --help' shows what it takes\n"),
    (["logs", "x"], "error: 'x' is no run's number\n hint: 'aphex runs' lists them\n"),
    (["logs", "-3"], "error: '-3' is no run's number\n hint: 'aphex runs' lists them\n"),
    (["validate", "one", "two"], "error: 'aphex validate' takes no 'two'\n"
                                 " hint: 'aphex validate --help' shows what it takes\n"),
])
def test_usage_errors_end_with_2_and_a_remedy(aphex, arguments, message):
    done = aphex.run(*arguments, cwd="/")
    assert (done.code, done.out, done.err) == (2, "", message)


def test_no_arguments_show_the_help(aphex):
    done = aphex.run(cwd="/")
    assert done.code == 2
    assert done.err.startswith("Delivers AWS CDK applications")


@pytest.mark.parametrize("command", [["runs", "7"], ["logs", "7"], ["outputs", "7"],
                                     ["resume", "7"], ["cancel", "7"]])
def test_a_run_that_is_not_there_is_named(aphex, command):
    done = aphex.run(*command, cwd="/")
    assert (done.code, done.err) == (
        1, "error: there is no run 7\n hint: 'aphex runs --all' lists the runs that there are\n")


def test_no_runs_yet(aphex, application):
    listed = aphex.run("runs", cwd=application.directory)
    assert (listed.code, listed.out) == (0, "")
    assert listed.err == ("no runs; 'aphex run --sandbox' makes one, 'aphex runs --all' shows "
                          "those of other pipelines\n")
    for command in ("logs", "outputs", "resume", "cancel"):
        done = aphex.run(command, cwd=application.directory)
        assert (done.code, done.err) == (
            2, f"error: pipeline {application.directory.name} has no runs yet\n hint: 'aphex run "
            "--sandbox' makes one; 'aphex runs --all' lists those of other pipelines, which you "
            "can name by their number\n"), command
    assert aphex.run("runs", "--format", "json", cwd="/").json == []


def test_runs_are_listed_filtered_and_shown(application, aphex):
    application.configure(build=["true"])
    first = application.commit("The first")
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    application.configure(build=["exit 5"])
    application.commit("The second")
    assert aphex.run("run", "-q", "--plan", "commit", cwd=application.directory).code == 1

    table = aphex.run("runs", cwd=application.directory).out.splitlines()
    assert [line.split()[:3] for line in table] == [
        ["RUN", "STATE", "PIPELINE"], ["2", "failed", "app"], ["1", "succeeded", "app"]]
    assert table[2].endswith("The first")

    def ids(*filters):
        return [run["id"] for run in aphex.run("runs", *filters, "--format", "json",
                                               cwd=application.directory).json]

    assert ids("--state", "failed") == [2]
    assert ids("--commit", first[:7]) == [1]
    assert ids("--limit", "1") == [2]
    assert ids("--pipeline", "other") == []
    assert aphex.run("runs", "--state", "queued", cwd=application.directory).err == (
        "no run matches; 'aphex runs' without --state and --commit lists all that there are\n")
    shown = aphex.run("runs", "2", cwd="/").out
    assert plain(shown.split("\n\n")[0]).splitlines()[0] == "run 2 of app: failed"
    assert "  error   stage build failed: step 'exit 5': build command failed with exit code 5\n" \
        in shown
    only = aphex.run("logs", "2", "--failed", cwd="/").out
    assert only == "== build: exit 5\n# failed: build command failed with exit code 5\n"


def test_logs_of_an_unknown_step_are_refused(application, aphex):
    application.configure()
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    done = aphex.run("logs", "1", "--stage", "bild", cwd="/")

    assert (done.code, done.err) == (
        1, "error: run 1 has no step of a stage 'bild'\n hint: 'aphex runs 1' shows its stages; "
           "'aphex runs 1 --format json' the ids of its steps\n")


def test_sarif_names_the_file_from_the_repository_wherever_one_stands(application, aphex):
    application.configure()
    application.write("configurations/my own.yaml", "version: 2\n")

    done = aphex.run("validate", "../configurations/my own.yaml", "--format", "sarif",
                     cwd=application.directory / "lib")

    assert done.code == 3
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"]
              for result in done.json["runs"][0]["results"]]
    assert places[0] == {"uri": "configurations/my%20own.yaml", "uriBaseId": "%SRCROOT%"}
    assert all(place == places[0] for place in places)


def test_init_does_not_replace_a_file(application, aphex):
    application.configure()
    before = (application.directory / "aphex-config.yaml").read_text()

    done = aphex.run("init", cwd=application.directory)

    assert (done.code, done.err) == (
        2, f"error: {application.directory}/aphex-config.yaml is already there\n"
           " hint: 'aphex validate' checks it; --force replaces it\n")
    assert (application.directory / "aphex-config.yaml").read_text() == before


def test_bash_completes_commands_options_and_values(aphex, surroundings):
    script = aphex.run("completion", "bash", cwd="/")
    assert (script.code, script.err) == (0, "")

    def complete(*words):
        line = " ".join(words)
        test = (f"set -eu\n{script.out}\nCOMP_WORDS=({line} '')\n"
                f"COMP_WORDS=({' '.join(repr(word) for word in words)})\n"
                f"COMP_CWORD={len(words) - 1}\nCOMPREPLY=()\n_aphex\necho \"${{COMPREPLY[@]}}\"\n")
        done = subprocess.run(["bash", "-c", test], env=surroundings, capture_output=True,
                              text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), (words, done.stderr)
        return done.stdout.split()

    assert complete("aphex", "ru") == ["run", "runs"]
    assert "--sandbox" in complete("aphex", "run", "--s")
    assert complete("aphex", "runs", "--format", "") == ["text", "json"]
    assert complete("aphex", "sandbox", "st") == ["start", "stop", "status"]
    assert complete("aphex", "run", "--log-format", "j") == ["json"]
    assert complete("aphex", "logs", "-f", "--st") == ["--stage", "--step", "--state-dir"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_completions_too(aphex, shell):
    done = aphex.run("completion", shell, cwd="/")
    assert (done.code, done.err) == (0, "")
    for command in COMMANDS:
        assert command in done.out


def test_fish_offers_the_choices_of_an_option_and_no_files_beside_them(aphex):
    lines = aphex.run("completion", "fish", cwd="/").out.splitlines()

    def option(command, name):
        return next(line for line in lines if f"_from {command}'" in line and f"-l {name} " in line)

    assert " -l plan -x -a 'stored commit' -d " in option("run", "plan")
    assert " -l output -r -F -d " in option("init", "output")
    assert " -l state-dir -x -a '(__fish_complete_directories)' -d " in option("run", "state-dir")
    assert " -l sandbox -d " in option("run", "sandbox"), "a flag takes no value"


def test_colour_is_for_terminals_only(application, aphex):
    application.configure()
    application.commit()
    done = aphex.run("run", cwd=application.directory, NO_COLOR="", TERM="xterm")
    assert done.code == 0
    assert "\033" not in done.err + done.out

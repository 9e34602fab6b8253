"""Secrets that the process knows by its environment reach no log, record or terminal."""

import base64

from application import environment
from program import planted, processes_with, wait_until

SECRET = planted.secret("deployment token", 'x9!Q"7-geheim/+=')
FORMS = [SECRET, base64.b64encode(SECRET.encode()).decode(), "x9%21Q%227-geheim%2F%2B%3D"]


def files_with(state, *texts):
    """Every file of the state directory that holds one of the texts."""
    wait_until(lambda: not processes_with(f"{state}/trash"), "working copies are removed")
    found = []
    for file in state.rglob("*"):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            found += [(file.name, text) for text in texts if text.encode() in content]
    return found


def test_a_secret_is_masked_wherever_it_is_printed(application, aphex):
    show = ('echo "token: $DEPLOY_TOKEN"; printf "%s" "$DEPLOY_TOKEN" | base64; '
            "node -e 'const it = process.env.DEPLOY_TOKEN; console.log(encodeURIComponent(it)"
            ".replace(/!/g, \"%21\")); console.log(JSON.stringify(it))'")
    application.configure(environment(tests=[show]), build=[show])
    application.script("deploy-Api", 'echo "Error: $DEPLOY_TOKEN refused" >&2; exit 1')
    application.commit()

    text = aphex.run("run", cwd=application.directory, DEPLOY_TOKEN=SECRET)
    assert text.code == 1
    application.mend("deploy-Api")
    json = aphex.run("resume", "--log-format", "json", cwd=application.directory,
                     DEPLOY_TOKEN=SECRET)
    assert json.code == 0, json.err

    assert aphex.log("build-1") == 'token: ***\n***\n***\n"***"'
    for printed in (text, json):
        for form in FORMS:
            assert form not in printed.err + printed.out
    assert "Error: *** refused" in text.complaint
    assert files_with(aphex.state, *FORMS) == []


def test_a_secret_in_a_failing_commands_text_is_masked(application, aphex):
    application.configure(build=[f"echo {FORMS[2]} && exit 1"])
    application.commit()
    # Whoever writes a secret into the file has it in the repository, in its copies and in the plan.
    for place in ("runs/1/work", "aphex.db", "aphex.db-wal"):
        planted.holds(aphex.state / place, "deployment token")
    planted.holds(application.directory, "deployment token")

    done = aphex.run("run", cwd=application.directory, DEPLOY_TOKEN=SECRET)

    assert done.code == 1
    assert FORMS[2] not in done.err
    assert "  $ echo *** && exit 1\n" in done.err


def test_variables_that_only_name_a_file_are_shown(application, aphex):
    application.configure(build=["echo $SECRET_FILE"])
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory, SECRET_FILE="/run/secrets/key")

    assert done.code == 0
    assert aphex.log("build-1") == "/run/secrets/key"


def test_the_sandboxs_keys_are_secrets_too(application, aphex, sandbox):
    application.configure(build=["env | grep AWS_SECRET"])
    application.commit()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert aphex.log("build-1") == "AWS_SECRET_ACCESS_KEY=***"
    assert files_with(aphex.state, sandbox["AWS_SECRET_ACCESS_KEY"]) == []

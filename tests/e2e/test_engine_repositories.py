"""What a run takes from git, and what it refuses."""

from application import Application, environment


def test_a_changed_working_tree_is_refused(application, aphex):
    application.configure()
    application.commit()
    application.write("lib/app.ts", "// changed\n")
    application.write("new.ts", "// new\n")

    done = aphex.run("run", cwd=application.directory)

    assert (done.code, done.err) == (
        2, "error: the working tree differs from its commit: lib/app.ts, new.ts\n"
           " hint: commit the changes, or run the working tree as it is with --worktree\n")
    assert not (aphex.state / "runs").exists()


def test_a_changed_working_tree_is_run_as_it_is_when_asked(application, aphex):
    application.configure(build=["cat lib/app.ts new.ts; ls ignored.txt gone.ts 2>&1 || true"])
    application.write(".gitignore", "ignored.txt\nnode_modules\n")
    application.write("gone.ts", "")
    sha = application.commit()
    application.write("lib/app.ts", "// changed\n")
    application.write("new.ts", "// new\n")
    application.write("ignored.txt", "")
    (application.directory / "gone.ts").unlink()

    done = aphex.run("run", "-q", "--worktree", cwd=application.directory)

    assert done.code == 0, done.err
    said = aphex.log("build-1").splitlines()
    assert said[:2] == ["// changed", "// new"]
    assert len([line for line in said if "No such file" in line]) == 2
    kept = [each.name for each in (aphex.state / "artifacts").glob("[!.]*")]
    assert kept == [f"{sha}-worktree-1"], "a working tree's artifacts are not the commit's"
    assert aphex.show()["source"] == "worktree"
    listed = aphex.run("runs", cwd=application.directory).out.splitlines()
    assert f"{sha[:12]} +changes" in listed[1]
    shown = aphex.run("runs", 1, cwd="/").out
    assert f"  commit  {sha} with changes of the working tree, " in shown


def test_a_working_tree_and_a_commit_exclude_each_other(application, aphex):
    application.configure()
    first = application.commit()
    application.commit("Second")

    done = aphex.run("run", "--worktree", "--commit", first, cwd=application.directory)

    assert (done.code, done.err) == (
        2, "error: --worktree and --commit exclude each other\n"
           " hint: --worktree runs what lies in the directory; check the commit out first\n")


def test_an_earlier_commit_is_run_exactly(application, aphex):
    application.configure(build=["cat what; git rev-parse HEAD; git status --porcelain"])
    application.write("what", "first\n")
    first = application.commit()
    application.write("what", "second\n")
    application.commit("Second")
    application.write("what", "not committed\n")

    done = aphex.run("run", "-q", "--commit", first[:10], cwd=application.directory)

    assert done.code == 0, done.err
    assert aphex.log("build-1") == f"first\n{first}"


def test_a_detached_head_has_no_branch(application, aphex):
    application.configure(build=['echo "branch=$APHEX_BRANCH"'])
    application.commit()
    application.git("checkout", "-q", "--detach")

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert " on " not in done.err.splitlines()[0]
    assert aphex.log("build-1") == "branch="


def test_a_run_can_start_in_any_folder_of_the_repository(application, aphex):
    application.configure(build=["ls cdk.json"])
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory / "lib")

    assert done.code == 0, done.err


def test_a_directory_without_repository_is_refused(aphex, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()

    done = aphex.run("run", cwd=empty)

    assert (done.code, done.err) == (
        2, f"error: {empty} is in no git repository\n"
           " hint: aphex delivers commits: run it in the repository of the application, or make "
           "one by 'git init' and commit\n")


def test_a_repository_without_commit_is_refused(application, aphex):
    application.configure()

    done = aphex.run("run", cwd=application.directory)

    assert (done.code, done.err) == (
        2, f"error: 'HEAD' names no commit in {application.directory}\n"
           " hint: the repository has no commit yet: commit first\n")


def test_an_unknown_commit_is_refused(application, aphex):
    application.configure()
    application.commit()

    done = aphex.run("run", "--commit", "no-such-branch", cwd=application.directory)

    assert (done.code, done.err) == (
        2, f"error: 'no-such-branch' names no commit in {application.directory}\n"
           " hint: 'git log' shows the commits that there are\n")


def test_a_commit_without_configuration_is_refused(application, aphex):
    sha = application.commit()

    done = aphex.run("run", cwd=application.directory)

    assert (done.code, done.err) == (
        3, f"error: commit {sha[:12]} has no file aphex-config.yaml\n"
           " hint: 'aphex init' writes one for an existing CDK application; commit it\n")


def test_another_configuration_file_can_be_named(application, aphex):
    application.configure(build=["echo from the other"])
    (application.directory / "aphex-config.yaml").rename(application.directory / "other.yaml")
    application.commit()

    done = aphex.run("run", "-q", "--config", "other.yaml", cwd=application.directory)

    assert done.code == 0, done.err
    assert aphex.log("build-1") == "from the other"


def test_submodules_come_with_the_commit(application, aphex, surroundings, tmp_path):
    library = Application(tmp_path / "library", surroundings)
    library.write("code.ts", "// of the library\n")
    library.commit()
    application.git("submodule", "add", "-q", str(library.directory), "vendor/library")
    application.configure(build=["cat vendor/library/code.ts"])
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert aphex.log("build-1") == "// of the library"


def test_links_inside_the_repository_survive_build_and_download(application, aphex):
    (application.directory / "link.ts").symlink_to("lib/app.ts")
    application.configure(environment(tests=["readlink link.ts; cat link.ts"]))
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    again = aphex.run("run", "-q", cwd=application.directory)

    assert again.code == 0, again.err
    assert aphex.log("test-1", 2) == "lib/app.ts\n// the stacks"


def test_a_link_out_of_the_repository_is_not_followed_by_the_artifacts(application, aphex,
                                                                       tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("not yours")
    (application.directory / "out.txt").symlink_to(secret)
    application.configure()
    application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    work = aphex.state / "runs/1/work"
    assert done.code == 1
    assert done.complaint == (
        "error: stage build failed: step 'pack and upload artifacts': Cannot write the archive "
        f"{aphex.state}/runs/1/tmp/build-output.tar.gz: Cannot pack the symbolic link "
        f"{work}/out.txt -> {secret}: its target is absolute\n"
        f" hint: replace it by what it points to or by a relative link within {work}, or leave it "
        "out of what is packed\n")


def test_hooks_and_filters_of_the_repository_do_not_run(application, aphex):
    application.configure()
    application.commit()
    hook = application.directory / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {application.note('hooked')}\n")
    hook.chmod(0o755)

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert not application.note("hooked").exists()


def test_names_with_spaces_and_other_letters(surroundings, aphex, tmp_path):
    application = Application(tmp_path / "eine App für alle", surroundings)
    application.write("lib/ümlaut datei.ts", "//\n")
    described = environment()
    described["stacks"][0]["path"] = "lib/ümlaut datei.ts"
    application.configure(described, build=["ls lib"])
    application.commit("Grüße an alle")

    done = aphex.run("run", "-q", cwd=application.directory, FAKE_CDK=str(application.control))

    assert done.code == 0, done.err
    assert aphex.log("build-1") == "app.ts\nümlaut datei.ts"
    assert aphex.show()["message"] == "Grüße an alle"

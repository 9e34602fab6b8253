"""Artifacts by commit, in a directory and in S3; dependency caches by lock file."""

import io
import json
import subprocess
import tarfile

import boto3
import pytest

from application import environment
from program import plain


def names(archive):
    with tarfile.open(archive) as tar:
        return sorted(member.name for member in tar.getmembers() if not member.isdir())


def once(application):
    return [f"echo built >> {application.note('builds')}; mkdir -p out; echo made > out/app.js"]


def builds(application):
    return application.note("builds").read_text().count("built")


@pytest.fixture
def built(application, aphex):
    """A commit that has been through the pipeline, its build counted."""
    application.configure(build=once(application), build_artifacts=["out", "lib"])
    sha = application.commit()
    done = aphex.run("run", "-q", cwd=application.directory)
    assert done.code == 0, done.err
    return sha


def test_the_directory_store_holds_a_commits_artifacts(aphex, built):
    store = aphex.state / "artifacts" / built
    files = sorted(str(file.relative_to(store)) for file in store.rglob("*") if file.is_file())
    assert [name for name in files if not name.endswith(".sha256")] == [
        "artifacts.json", "build-output.tar.gz", "cdk.out/dev.tar.gz", "node_modules.tar.gz",
        "outputs/dev.json"]
    assert names(store / "build-output.tar.gz") == ["lib/app.ts", "out/app.js"]
    assert names(store / "node_modules.tar.gz") == ["node_modules/.bin/cdk"]
    manifest = json.loads((store / "artifacts.json").read_text())
    assert manifest["commit"] == built
    assert [file["key"] for file in manifest["files"]] == [
        "build-output.tar.gz", "node_modules.tar.gz", "cdk.out/dev.tar.gz"]


def test_the_same_commit_is_built_once(application, aphex, built):
    again = aphex.run("run", "-q", cwd=application.directory)

    assert again.code == 0, again.err
    assert builds(application) == 1
    assert application.calls == ["synth dev", "deploy Api dev", "deploy Api dev"]
    assert aphex.step(2, "find")["summary"] == "already built"
    assert aphex.step(2, "build-1")["state"] == "skipped"
    assert aphex.show(2)["commitSha"] == built


def test_a_rebuild_can_be_asked_for(application, aphex, built):
    assert aphex.run("run", "-q", "--rebuild", cwd=application.directory).code == 0
    assert builds(application) == 2
    assert (aphex.state / "artifacts" / built / "artifacts.json").exists()


def test_archives_of_the_same_commit_are_the_same_bytes(application, aphex, built):
    store = aphex.state / "artifacts" / built
    before = (store / "build-output.tar.gz").read_bytes()

    assert aphex.run("run", "-q", "--rebuild", cwd=application.directory).code == 0
    assert (store / "build-output.tar.gz").read_bytes() == before


def test_other_build_commands_build_the_commit_again(application, aphex, built):
    application.configure(build=[*once(application), "true"], build_artifacts=["out", "lib"])
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    # Run 2 built under the old plan and handed over; the new plan's build differs.
    assert aphex.step(3, "find")["summary"] == "built otherwise"
    assert builds(application) == 3


def test_a_damaged_artifact_is_detected_and_built_again(application, aphex, built):
    archive = aphex.state / "artifacts" / built / "build-output.tar.gz"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 0, done.err
    assert plain(aphex.log("find", 2), (archive, "ARCHIVE")) == (
        "# Cannot fetch file://ARCHIVE: its SHA-256 is HASH, not HASH; building again")
    assert builds(application) == 2
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert builds(application) == 2


def test_a_commit_without_its_manifest_counts_as_not_built(application, aphex, built):
    for file in (aphex.state / "artifacts" / built).glob("artifacts.json*"):
        file.unlink()

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert builds(application) == 2


def test_a_resumed_run_downloads_what_its_lost_workspace_held(application, aphex):
    application.configure(environment(tests=["cat out/app.js"]), build=once(application))
    application.script("deploy-Api", "exit 1")
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 1
    subprocess.run(["rm", "-rf", aphex.state / "runs/1/work", aphex.state / "runs/1/work.json"],
                   check=True)
    application.mend("deploy-Api")

    resumed = aphex.run("resume", "-q", cwd=application.directory)

    assert resumed.code == 0, resumed.err
    assert aphex.log("test-1") == "made"
    assert builds(application) == 1


def test_a_finished_run_leaves_no_working_copy(aphex, built):
    assert not (aphex.state / "runs/1/work").exists()
    assert (aphex.state / "runs/1/logs").is_dir()


def test_an_artifact_that_the_build_did_not_make_is_an_error(application, aphex):
    application.configure(build_artifacts=["dist"])
    sha = application.commit()

    done = aphex.run("run", "-q", cwd=application.directory)

    assert done.code == 1
    assert done.complaint.splitlines()[:2] == [
        "error: stage build failed: step 'pack and upload artifacts': build.artifacts names dist, "
        "which the build did not make",
        " hint: correct the path, or have a build command make it"]
    assert not (aphex.state / "artifacts" / sha).exists()


def test_dependencies_are_restored_exactly_for_the_same_lock_file(application, aphex):
    report = ('echo "hit=$APHEX_CACHE_HIT:$(cat deps/installed 2>/dev/null)"; '
              '[ "$APHEX_CACHE_HIT" = exact ] || '
              '{ mkdir -p deps; echo packages > deps/installed; }')
    application.write("package-lock.json", "{}\n")
    application.configure(build=[report], build_cache=["deps"])
    application.commit("First")
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    application.commit("Same lock file")
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    application.write("package-lock.json", '{"name": "other"}\n')
    application.commit("Other lock file")
    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    assert [aphex.log("build-1", run) for run in (1, 2, 3)] == ["hit=:", "hit=exact:packages",
                                                                "hit=:"]


def test_a_damaged_cache_is_a_miss(application, aphex):
    application.write("package-lock.json", "{}\n")
    application.configure(build=['echo "hit=$APHEX_CACHE_HIT"; mkdir -p deps; echo x > deps/x'],
                          build_cache=["deps"])
    application.commit("First")
    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    for file in (aphex.state / "cache/dependencies").rglob("*.tar.gz"):
        file.write_bytes(file.read_bytes()[:-20])
    application.commit("Second")

    assert aphex.run("run", "-q", cwd=application.directory).code == 0
    assert aphex.log("build-1", 2) == "hit="


@pytest.fixture
def bucket(sandbox):
    """A client and the name of an empty bucket in the sandbox."""
    client = boto3.client("s3", endpoint_url=sandbox["AWS_ENDPOINT_URL"],
                          aws_access_key_id=sandbox["AWS_ACCESS_KEY_ID"],
                          aws_secret_access_key=sandbox["AWS_SECRET_ACCESS_KEY"],
                          region_name="us-east-1")
    name = "e2e-artifacts"
    client.create_bucket(Bucket=name)
    yield client, name
    for item in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=item["Key"])
    client.delete_bucket(Bucket=name)


def test_s3_holds_the_artifacts_by_commit_and_is_read_again(application, aphex, bucket):
    client, name = bucket
    application.configure(build=once(application), build_artifacts=["out"],
                          pipeline={"artifactStore": f"s3://{name}/team"})
    sha = application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    keys = sorted(item["Key"] for item in client.list_objects_v2(Bucket=name)["Contents"])
    assert keys == [f"team/{sha}/{key}" for key in (
        "artifacts.json", "build-output.tar.gz", "cdk.out/dev.tar.gz", "node_modules.tar.gz",
        "outputs/dev.json")]
    packed = client.get_object(Bucket=name, Key=f"team/{sha}/build-output.tar.gz")["Body"].read()
    assert names_in(packed) == ["out/app.js"]

    again = aphex.run("run", "-q", cwd=application.directory)
    assert again.code == 0, again.err
    assert builds(application) == 1


def names_in(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return sorted(member.name for member in tar.getmembers() if not member.isdir())


def test_a_bucket_that_is_not_there_is_named_before_anything_is_built(application, aphex):
    application.configure(build=["echo built > /dev/stderr"])
    application.commit()

    done = aphex.run("run", "-q", "--artifacts", "s3://no-such-bucket-here",
                     cwd=application.directory)

    assert done.code == 1
    assert plain(done.complaint, (aphex.state, "STATE")) == (
        "error: stage build failed: step 'look for this commit's artifacts': Cannot fetch "
        "s3://no-such-bucket-here/COMMIT/artifacts.json: S3 GetObject "
        "s3://no-such-bucket-here/COMMIT/artifacts.json: NoSuchBucket: The specified bucket "
        "does not exist\n hint: create the bucket, or name one that exists\n")
    assert [step["id"] for step in aphex.show()["steps"] if step["stage"] == "build"] == ["find"]


def test_another_directory_can_hold_the_artifacts(application, aphex, tmp_path):
    application.configure()
    sha = application.commit()

    done = aphex.run("run", "-q", "--artifacts", tmp_path / "kept", cwd=application.directory)

    assert done.code == 0, done.err
    assert (tmp_path / "kept" / sha / "build-output.tar.gz").exists()

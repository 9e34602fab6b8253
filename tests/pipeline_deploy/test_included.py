"""A CDK application in TypeScript takes the pipeline's template over whole."""

import os
import subprocess

from world import ROOT, read

HERE = os.path.dirname(__file__)
LIBRARY = ROOT / "tests/constructs/node_modules"


def test_a_cdk_application_includes_the_template(pipeline, tmp_path):
    assert (LIBRARY / "ts-node").exists(), f"ts-node is missing in {LIBRARY}; run scripts/setup"
    app = pipeline("included", auditTrail=True)
    template, output = app.synth()
    (file,) = output.glob("*.template.json")
    (bucket,) = [template["Outputs"]["ArtifactBucketName"]["Value"]["Ref"]]

    folder = tmp_path / "including"
    folder.mkdir()
    (folder / "include.ts").write_text(open(f"{HERE}/include.ts", encoding="utf-8").read())
    (folder / "node_modules").symlink_to(LIBRARY)
    (folder / "tsconfig.json").write_text(
        '{"compilerOptions": {"target": "ES2022", "module": "commonjs", "strict": true,'
        ' "skipLibCheck": true, "types": ["node"]}}')
    done = subprocess.run(
        ["node", "node_modules/ts-node/dist/bin.js", "include.ts", str(file), bucket], cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CDK_OUTDIR": str(folder / "out"),
             "NODE_NO_WARNINGS": "1"},
        capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    made = read(folder / "out/Including.template.json")
    changed = made["Resources"][bucket]["Properties"].pop("ObjectLockEnabled")
    assert changed is False
    assert made["Resources"] == template["Resources"]
    assert made["Outputs"] == template["Outputs"]

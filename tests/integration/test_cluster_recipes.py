"""The job files in docs/clusters.md: as far as they can be checked without Slurm and Kubernetes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent.parent / "docs/clusters.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("script", blocks("bash"))
def test_a_slurm_script_is_shell_and_says_what_it_wants(script):
    assert script.startswith("#!/bin/bash\n")
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    wishes = re.findall(r"^#SBATCH --([\w-]+)=(\S+)$", script, re.MULTILINE)
    assert {"nodes", "ntasks-per-node", "cpus-per-task", "time"} <= {name for name, _ in wishes}
    assert len(wishes) == script.count("#SBATCH")
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-s", "bash", "-"], input=script, text=True, check=True)


def test_a_slurm_script_starts_its_parts_and_passes_the_signal_on(tmp_path):
    """With stand-ins for what only a cluster has: all are started, and the flow gets its signal before the job ends."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name, text in {
        "dask": 'echo "dask $*" >> log',
        "srun": 'exec "$@"',
        "python": 'trap "echo resumed >> log; exit 0" TERM; echo "flow $2" >> log; kill -TERM $PPID; while :; do sleep 0.1; done',
    }.items():
        (bin_ / name).write_text(f"#!/bin/bash\n{text}\n")
        (bin_ / name).chmod(0o755)
    environment = {"PATH": f"{bin_}:/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "2", "SLURM_JOB_NODELIST": "a"}
    line = ["bash", "-c", blocks("bash")[0]]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False)
    said = (tmp_path / "log").read_text()
    assert "dask scheduler --scheduler-file" in said
    assert "--nworkers 2" in said
    assert f"flow {tmp_path}/scheduler-7.json" in said
    assert "resumed" in said, done.stderr


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_kubernetes_file_says_what_its_kinds_need(text):
    yaml = pytest.importorskip("yaml")
    for one in yaml.safe_load_all(text):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", one["metadata"]["name"])
        if one["kind"] == "Job":
            assert one["apiVersion"] == "batch/v1"
            pod = one["spec"]["template"]["spec"]
            assert pod["restartPolicy"] in {"Never", "OnFailure"}
            volumes = {volume["name"] for volume in pod.get("volumes", ())}
            for container in pod["containers"]:
                assert container["image"] and container["command"]
                assert set(container["resources"]["limits"]) <= set(container["resources"]["requests"])
                assert {mount["name"] for mount in container.get("volumeMounts", ())} <= volumes
        else:
            assert (one["apiVersion"], one["kind"]) == ("v1", "PersistentVolumeClaim")
            assert one["spec"]["resources"]["requests"]["storage"]


def test_claims_that_are_mounted_are_there():
    yaml = pytest.importorskip("yaml")
    found = [one for text in blocks("yaml") for one in yaml.safe_load_all(text)]
    claims = {one["metadata"]["name"] for one in found if one["kind"] == "PersistentVolumeClaim"}
    used = re.findall(r"claimName: ([\w-]+)", PAGE)
    assert set(used) == claims

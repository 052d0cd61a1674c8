"""The command line, in processes of its own: results, messages, exit codes, signals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from email import charset
from pathlib import Path

import pandas as pd
import psutil
import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

FLOW = '''
import enum, os, sys, time
from dataclasses import dataclass
from pathlib import Path
from anabranch import Collect, Parallelizable
from anabranch.function_modifiers import config

class Kind(enum.Enum):
    A = 1

def number(limit: int) -> Parallelizable[int]:
    """The numbers.

    Not this line."""
    print("an expander prints")
    yield from range(limit)

def square(number: int, power: float = 2.0) -> float:
    print("a task prints")
    os.system("echo a child prints")
    return number ** power

def total(square: Collect[float]) -> float:
    return sum(square)

def bad(number: int) -> int:
    if number == 3:
        _deeper(number)
    return number

def _deeper(number):
    raise ValueError(f"no {number}s")

def bads(bad: Collect[int]) -> list[int]:
    return bad

def nap(number: int) -> int:
    time.sleep(60)
    return number

def naps(nap: Collect[int]) -> int:
    return len(nap)

def dies(number: int) -> int:
    os._exit(9)

def deaths(dies: Collect[int]) -> int:
    return len(dies)

def kinds(kind: Kind, where: Path, flags: list[bool] = ()) -> dict[str, object]:
    return {"kind": kind, "where": where, "flags": list(flags)}

def opaque(limit: int) -> object:
    return object()

def wrong(limit: int) -> Parallelizable[str]:
    return "abc"

def wrongs(wrong: Collect[str]) -> int:
    return 0

@config.when(region="eu")
def price__eu() -> str:
    return "EUR"
'''


@pytest.fixture
def flow(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)
    return tmp_path


@pytest.fixture
def library(tmp_path):
    """A small tree of Python files for the census."""
    source = Path(charset.__file__).parent
    (tmp_path / "lib" / "mail").mkdir(parents=True)
    for name in ("__init__.py", "charset.py", "utils.py"):
        shutil.copy(source / name, tmp_path / "lib" / "mail")
    shutil.copy(source / "iterators.py", tmp_path / "lib")
    return tmp_path / "lib"


def environment(**more):
    left_out = {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "PYTHONPATH"}
    return {**{name: value for name, value in os.environ.items() if name not in left_out}, **more}


def cli(*args, cwd=None, code=0, **more):
    done = subprocess.run(
        [sys.executable, "-m", "anabranch", *map(str, args)],
        cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr or more
    return done


def error(*args, cwd=None, code=2):
    """The message of a command that fails and prints no result."""
    done = cli(*args, cwd=cwd, code=code)
    assert done.stdout == ""
    return done.stderr


# -- results -----------------------------------------------------------------------------------------------------------


def test_version_and_help():
    assert re.fullmatch(r"anabranch \d+\.\d+\.\d+\n", cli("--version").stdout)
    shown = cli("--help").stdout
    assert all(name in shown for name in ("run", "plan", "list", "executors"))


def test_the_census_on_sequential_and_processes(library):
    args = ["run", EXAMPLES / "census.py", "table", "ranking", "-i", f"root={library}"]
    plain = cli(*args)
    assert cli(*args, "-x", "processes", "-w", "2").stdout == plain.stdout
    assert "table:\npackage    lines  classes  functions" in plain.stdout
    assert re.search(r"^mail +\d{3} ", plain.stdout, re.MULTILINE)
    assert re.search(r"^ *1  \w+ +\d+ ", plain.stdout, re.MULTILINE)
    made = json.loads(cli(*args, "-x", "processes", "-w", "2", "--json").stdout)
    assert [row["package"] for row in made["table"]] == ["mail", "(modules)"]
    assert len(made["ranking"]) == 10


def test_only_results_are_on_standard_output(flow):
    for executor in ("sequential", "processes"):
        done = cli("run", "flow.py", "total", "-i", "limit=4", "-x", executor, cwd=flow)
        assert done.stdout == "14.0\n"
        assert done.stderr.count("a task prints") == done.stderr.count("a child prints") == 4
        assert "an expander prints" in done.stderr


def test_several_outputs_have_their_names(flow):
    done = cli("run", "flow.py", "total", "square", "limit", "-i", "limit=3", "-i", "power=1", cwd=flow)
    assert done.stdout == "total: 3.0\nsquare: [0.0, 1.0, 2.0]\nlimit: 3\n"


def test_inputs_config_and_json(flow):
    (flow / "in.yaml").write_text("kind: A\nwhere: a/b\n")
    done = cli(
        "run", "flow", "kinds", "price", "--inputs", "in.yaml", "-i", "flags=yes,0", "-c", "region=eu", "--json", cwd=flow
    )
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {"kinds": {"kind": 1, "where": "a/b", "flags": [True, False]}, "price": "EUR"}


def test_saved_outputs_are_not_printed(flow):
    done = cli("run", "flow.py", "total", "--save", "square=s.json", "--save", "total=t.txt", "-i", "limit=3", cwd=flow)
    assert done.stdout == ""
    assert json.loads((flow / "s.json").read_text()) == [0.0, 1.0, 4.0]
    assert (flow / "t.txt").read_text() == "5.0\n"


def test_a_terminal_gets_colours_and_a_cut_table(tmp_path):
    (tmp_path / "wide.py").write_text(
        "import pandas as pd\ndef frame() -> pd.DataFrame:\n    return pd.DataFrame({'n': range(500)})\n"
    )
    shown = cli("run", "wide.py", "frame", cwd=tmp_path, FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b[1m" in shown
    assert "460 of 500 rows left out" in shown
    assert cli("run", "wide.py", "frame", cwd=tmp_path).stdout.count("\n") == 502


def test_a_reader_that_leaves_early_is_no_error(flow):
    command = f"{sys.executable} -m anabranch run flow.py number -i limit=300000 | head -c 10; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=flow, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[0, 1, 2, ")
    assert "Error" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(flow):
    command = f"{sys.executable} -m anabranch run flow.py total -i limit=1 > /dev/full"
    done = subprocess.run(
        ["bash", "-c", command], cwd=flow, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "cannot be written to standard output: No space left" in done.stderr
    assert "Traceback" not in done.stderr


# -- looking -----------------------------------------------------------------------------------------------------------


def test_plan_needs_no_inputs(flow):
    shown = cli("plan", EXAMPLES / "census.py", "table", "ranking").stdout
    lines = shown.splitlines()
    assert lines[0] == "plan of table, ranking"
    assert "├── 3 for each package" in lines
    assert "│   ├── for each source_file" in lines
    assert "│   │   ├── tree: Module  ← source" in lines
    assert "├── 4 call table: DataFrame  ← collects package_row over package" in lines
    assert all(line == line.rstrip() for line in lines)
    assert "inputs" not in shown
    assert "└── limit: int" in cli("plan", "flow.py", "total", cwd=flow).stdout
    shown = cli("plan", "flow.py", "total", "--source", "-i", "power=3", cwd=flow).stdout
    assert "# task 2: for each number\ndef task(" in shown
    assert "f_square(v_number, v_power)" in shown


def test_list(flow):
    shown = cli("list", "flow.py", cwd=flow).stdout
    assert re.search(r"^number +items of int +limit +The numbers\.$", shown, re.MULTILINE)
    assert re.search(r"^total +float +collects square$", shown, re.MULTILINE)
    assert re.search(r"^limit +int +required +number, ", shown, re.MULTILINE)
    assert "price" not in shown
    made = json.loads(cli("list", "flow.py", "-c", "region=eu", "--json", cwd=flow).stdout)
    nodes = {node["name"]: node for node in made["nodes"]}
    assert nodes["price"]["type"] == "str"
    assert nodes["square"]["axes"] == ["number"]
    assert nodes["total"]["reads"] == {"square": "Collect[float]"}
    assert {"name": "power", "type": "float", "required": False, "readers": ["square"]} in made["inputs"]


def test_executors():
    made = {one["name"]: one for one in json.loads(cli("executors", "--json").stdout)}
    assert made["sequential"]["installed"]
    assert made["processes"]["install"] is None
    assert re.search(r"^sequential +installed", cli("executors").stdout, re.MULTILINE)


def test_an_executor_whose_extra_is_missing(tmp_path):
    code = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'ray' else find(name, *a)\n"
        "import sys; sys.argv = ['anabranch', 'executors']\n"
        "from anabranch.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert re.search(r"^ray +missing: pip install 'anabranch\[ray\]'", done.stdout, re.MULTILINE)


def test_without_typer_it_says_what_to_install(tmp_path):
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('typer', 'rich') else find(name, *a)\n"
        "import anabranch.cli; assert not {'typer', 'rich'} & set(sys.modules); anabranch.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "the command line needs typer and rich: pip install 'anabranch[cli]'\n"


# -- modules -----------------------------------------------------------------------------------------------------------

HELPED = """
import helper
from anabranch import Collect, Parallelizable
def number(limit: int) -> Parallelizable[int]:
    return range(limit)
def scaled(number: int) -> int:
    return number * helper.SCALE
def total(scaled: Collect[int]) -> int:
    return sum(scaled)
"""


@pytest.mark.parametrize("executor", ["sequential", "processes"])
@pytest.mark.parametrize(
    "target", ["lib/flow.py", "lib/my-flow.py", "lib/json.py", "lib/pandas.py", "lib/a.b.py", "lib/script", "pkg.flow"]
)
def test_modules_of_any_name(tmp_path, target, executor):
    lib = "pkg" if target == "pkg.flow" else "lib"
    (tmp_path / lib).mkdir()
    path = tmp_path / (target if "/" in target else "pkg/flow.py")
    path.write_text(HELPED.replace("import helper", "from pkg import helper") if lib == "pkg" else HELPED)
    (tmp_path / lib / "helper.py").write_text("SCALE = 10\n")
    args = ["run", target, "total", "-i", "limit=4", "-x", executor]
    assert cli(*args, cwd=tmp_path).stdout == "60\n"


def test_a_module_that_hides_a_library_does_not_break_it(tmp_path):
    flow = "import json\nfrom anabranch import Collect, Parallelizable\n"
    flow += "def n(k: int) -> Parallelizable[int]:\n    return range(k)\n"
    flow += "def text(n: int) -> str:\n    return json.dumps(n)\n"
    flow += "def texts(text: Collect[str]) -> list[str]:\n    return text\n"
    (tmp_path / "json.py").write_text(flow)
    assert cli("run", "json.py", "texts", "-i", "k=2", "-x", "processes", cwd=tmp_path).stdout == "['0', '1']\n"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("flwo.py", "error: there is no file 'flwo.py'; did you mean 'flow.py'?\n"),
        ("none/flow.py", "error: there is no file 'none/flow.py': no folder 'none'\n"),
        ("flwo", "error: there is no module 'flwo'; did you mean 'flow'"),
        ("flow.sub", "error: there is no module 'flow.sub'"),
        (".", "error: there is no module '.'\n"),
        ("a b", "error: there is no module 'a b'\n"),
    ],
)
def test_modules_that_are_not_there(flow, target, says):
    assert error("list", target, cwd=flow).startswith(says)


@pytest.mark.parametrize("target", ["broken.py", "broken"])
def test_a_module_that_fails_to_import_shows_its_own_lines(tmp_path, target):
    (tmp_path / "broken.py").write_text("def f():\n    return 1 / 0\n\nf()\n")
    said = error("list", target, cwd=tmp_path).splitlines()
    assert re.fullmatch(r"error: module '.*broken(\.py)?' failed to import:", said[0])
    assert said[1] == "Traceback (most recent call last):"
    assert [line for line in said if line.startswith("  File")] == [
        f'  File "{tmp_path}/broken.py", line 4, in <module>',
        f'  File "{tmp_path}/broken.py", line 2, in f',
    ]
    assert said[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_other_ways_to_fail(tmp_path, text, last):
    (tmp_path / "broken.py").write_text(text)
    said = error("list", "broken.py", cwd=tmp_path)
    assert said.splitlines()[-1] == last
    assert "importlib" not in said
    assert "anabranch/" not in said


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["totle", "-i", "limit=3"], "error: unknown output 'totle'; did you mean 'total'?"),
        (["total"], "error: input is missing: 'limit' (int), needed by 'number' ("),
        (["total", "-i", "limit=x"], "error: input 'limit': 'x' is not int, which 'number' ("),
        (["total", "-i", "limit=1", "-i", "limit=2"], "error: -i gives 'limit' twice: '1' and '2'"),
        (["total", "-i", "lmit=1"], "error: unknown input 'lmit'; did you mean 'limit'?"),
        (["total", "-i", "limit=1", "-c", "a=1", "-c", "a=2"], "error: -c gives 'a' twice"),
        (["total", "-i", "limit=1", "-x", "thread"], "error: unknown executor 'thread'; did you mean 'threads'?"),
        (["total", "-i", "limit=1", "-w", "2"], "error: -w goes with an executor that has workers"),
        (["total", "-i", "limit=1", "-w", "0"], "Invalid value for '--workers'"),
        (["total", "-i", "limit=1", "--save", "total=t.xls"], "error: --save: 't.xls' has no known suffix"),
        (["total", "-i", "limit=1", "--save", "total=t.csv"], "csv holds tables, and it is float"),
        (["total", "--bad-option"], "No such option: --bad-option"),
        (["wrongs", "-i", "limit=1"], "error: 'wrong' returns Parallelizable and must return an iterable of items, not str"),
        (["-i", "limit=1"], "error: no output is asked for"),
    ],
)
def test_wrong_requests(flow, args, says):
    said = error("run", "flow.py", *args, cwd=flow)
    assert says in said
    assert "Traceback" not in said
    assert "prints" not in said  # nothing has run


def test_what_has_no_json_form(flow):
    said = error("run", "flow.py", "opaque", "limit", "-i", "limit=1", "--json", cwd=flow)
    assert "output 'opaque' cannot be printed as JSON: builtins.object has no JSON form; save it with --save opaque=" in said


def test_a_wrong_flow(tmp_path):
    (tmp_path / "circle.py").write_text("def a(b: int) -> int: ...\ndef b(a: int) -> int: ...\n")
    assert "circle: " in error("list", "circle.py", cwd=tmp_path)


@pytest.mark.parametrize("executor", ["sequential", "threads", "processes"])
def test_a_task_that_fails(flow, executor):
    said = error("run", "flow.py", "bads", "-i", "limit=5", "-x", executor, cwd=flow, code=1)
    lines = said[said.index("Traceback") :].splitlines()
    assert [line for line in lines if line.startswith("  File")] == [
        f'  File "{flow}/flow.py", line 28, in bad',
        f'  File "{flow}/flow.py", line 32, in _deeper',
    ]
    assert lines[-2] == "ValueError: no 3s"
    assert lines[-1].startswith(f"in 'bad' ({flow}/flow.py:26), item number[3]")


def test_a_worker_that_dies(flow):
    said = error("run", "flow.py", "deaths", "-i", "limit=2", "-x", "processes", "-w", "1", cwd=flow, code=1)
    assert "died while it ran" in said
    assert "Traceback" not in said


def test_a_file_of_a_package_is_to_be_given_by_name(flow):
    (flow / "pack" / "age").mkdir(parents=True)
    for package in ("pack", "pack/age"):
        (flow / package / "__init__.py").touch()
    (flow / "pack" / "age" / "inner.py").write_text("from .. import age\n" + FLOW)
    said = error("run", "pack/age/inner.py", "total", "-i", "limit=4", cwd=flow)
    assert f"it belongs to a package: give it by name, pack.age.inner, in the folder {flow}" in said
    assert cli("run", "pack.age.inner", "total", "-i", "limit=4", "-x", "processes", cwd=flow).stdout == "14.0\n"


# -- surroundings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["sequential", "processes"])
def test_the_current_folder_may_have_been_deleted(flow, executor):
    gone = flow / "gone"

    def run(*arguments):
        gone.mkdir()
        script = 'rmdir "$PWD" && exec "$@"'
        command = ["sh", "-c", script, "sh", sys.executable, "-m", "anabranch", "run", *arguments, "-x", executor]
        done = subprocess.run(command, cwd=gone, env=environment(), capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    request = [str(flow / "flow.py"), "total", "-i", "limit=4"]
    assert run(*request)[:2] == (0, "14.0\n")
    code, out, said = run(*request, "--save", "total=total.json")
    assert (code, out) == (2, "")
    assert said.splitlines()[-1].endswith("the current folder has been deleted; give the whole path")
    assert run("flow", "total")[::2] == (2, "error: there is no module 'flow'\n")


# -- signals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [False, True], ids=["process", "group"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("executor", ["sequential", "threads", "processes", "dask"])
def test_signals_end_the_run_and_its_workers(flow, executor, number, code, group):
    text = FLOW.replace("    time.sleep(60)", "    Path(f'started{number}').touch()\n    time.sleep(60)")
    (flow / "flow.py").write_text(text)
    command = [sys.executable, "-m", "anabranch", "run", "flow.py", "naps", "-i", "limit=4", "-x", executor]
    command += ["-w", "2"] if executor != "sequential" else []
    running = subprocess.Popen(
        command, cwd=flow, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    awaited = 1 if executor == "sequential" else 2
    deadline = time.monotonic() + 60
    while len(list(flow.glob("started*"))) < awaited and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = psutil.Process(running.pid).children(recursive=True)
    assert len(workers) >= (2 if executor in {"processes", "dask"} else 0)
    sent = time.monotonic()
    (os.killpg if group else os.kill)(running.pid, number)
    out, said = running.communicate(timeout=30)
    assert time.monotonic() - sent < 4
    assert running.returncode == code
    assert out == ""
    assert said.splitlines()[-1] == ("interrupted" if number == signal.SIGINT else "terminated")
    assert "Traceback" not in said
    assert "distributed" not in said, "Dask has nothing to say"
    assert not psutil.wait_procs(workers, timeout=2)[1]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_while_the_command_line_is_being_imported(flow, number, code):
    (flow / "typer.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    done = cli("list", "flow.py", cwd=flow, code=code, PYTHONPATH=str(flow))
    assert (done.stdout, done.stderr) == ("", "interrupted\n" if number == signal.SIGINT else "terminated\n")


def test_a_table_saved_as_parquet_comes_back(library):
    path = library / "table.parquet"
    cli("run", EXAMPLES / "census.py", "--save", f"table={path}", "-i", f"root={library}")
    assert list(pd.read_parquet(path).index) == ["mail", "(modules)"]

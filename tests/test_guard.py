"""The first module of all our programs, in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ENTRYPOINT = str(Path(__file__).parent.parent / "entrypoint")


def start(directory, module, shell='exec "$@"', **environ):
    """A program of ours whose module is this text; `shell` runs it."""
    (directory / "ours.py").write_text(module)
    lines = (
        f"import sys; sys.path[:0] = [{ENTRYPOINT!r}, {str(directory)!r}]; import ospool_ep.guard as g; g.start('ours')"
    )
    return subprocess.Popen(
        ("sh", "-c", shell, "sh", sys.executable, "-c", lines), env={"PATH": os.environ["PATH"]} | environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_the_program_gets_the_moment_of_its_first_line(tmp_path):
    done = start(tmp_path, "import time\ndef main(started): print(0 <= time.monotonic() - started < 20, flush=True)")
    assert done.communicate(timeout=20) == ("True\n", "")
    assert done.returncode == 0


@pytest.mark.parametrize(("asked", "shown"), [("1", True), ("", False), ("false", False)])
def test_a_program_that_cannot_be_loaded_ends_with_one_line(tmp_path, asked, shown):
    done = start(tmp_path, "import nowhere.to.be.found", OSPOOL_EP_TRACEBACK=asked)
    said, _ = done.communicate(timeout=20)
    assert done.returncode == 70
    assert said.splitlines()[-1].startswith("bug: ModuleNotFoundError: No module named 'nowhere'")
    assert ("Traceback" in said) is shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_can_be_stopped_from_the_first_moment(tmp_path, number):
    """The kernel gives PID 1 no default for these."""
    done = start(tmp_path, "import time\nprint('here', flush=True)\ntime.sleep(60)")
    assert done.stdout.readline() == "here\n"
    done.send_signal(number)
    done.communicate(timeout=20)
    assert done.returncode == 128 + number


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_opened_later_does_not_become_a_standard_stream(tmp_path, closed):
    module = f"""
import os
def main(started):
    number = os.open("{tmp_path}/later", os.O_WRONLY | os.O_CREAT)
    os.write(number, b"%d" % number)
    print("for nobody", flush=True)
    os._exit(5)
"""
    done = start(tmp_path, module, f'exec "$@" {closed}')
    done.communicate(timeout=20)
    assert done.returncode == 5
    assert int((tmp_path / "later").read_text()) > 2

"""What the tests of gotape-replay share: the program, and traces made from text."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(__file__).resolve().parent / "data"
REPLAY = os.environ.get("GOTAPE_REPLAY") or str(ROOT / "build/dev/replay/gotape-replay")
TOOLS = pathlib.Path(os.environ.get("GOTAPE_TOOLS") or ROOT / "build/dev/tools")


class Replay:
    """Runs gotape-replay away from the user's cache."""

    def __init__(self, home):
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def __call__(self, *arguments, status=0, stdin=None, **environment):
        result = subprocess.run([REPLAY, *map(str, arguments)], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                                capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
                                env=self.environment | environment)
        assert result.returncode == status, (arguments, result.returncode, result.stdout[-2000:], result.stderr[-2000:])
        return result


@pytest.fixture(name="replay")
def fixture_replay(tmp_path_factory):
    if not os.access(REPLAY, os.X_OK):
        pytest.skip(f"{REPLAY} has not been built")
    return Replay(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def make_trace():
    """make_trace(PATH, TEXT) writes a trace."""
    tool = TOOLS / "trace_from_text"
    if not os.access(tool, os.X_OK):
        pytest.skip(f"{tool} has not been built")

    def make(path, text=None):
        text = (DATA / "orders.txt").read_text(encoding="utf-8") if text is None else text
        subprocess.run([tool, "-", path], input=text, text=True, encoding="utf-8", check=True, timeout=60)
        return path

    return make


@pytest.fixture(name="trace")
def fixture_trace(make_trace, tmp_path):
    """A fresh copy of data/orders.txt as a trace."""
    return make_trace(tmp_path / "orders.gotape")

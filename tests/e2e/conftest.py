import os
import shutil
import tempfile

import pytest

import harness


def pytest_collection_modifyitems(items):
    reason = harness.missing_rights()
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def no_definitions_left():
    """Whatever a test does, no probe definition may outlive it. Ours may not be removed by hand: that is the product's job."""
    before = harness.orphans()
    yield
    left = [line for line in harness.orphans() if line not in before]
    if left:
        harness.run(harness.RECORD, "--cleanup")
    assert left == [], "probe definitions were left behind"


@pytest.fixture
def trace(tmp_path):
    return str(tmp_path / "t.gotape")


@pytest.fixture
def open_folder():
    """A folder that everybody may enter and write to (pytest's own is root's alone)."""
    path = tempfile.mkdtemp(prefix="gotape-open-")
    os.chmod(path, 0o1777)
    yield path
    shutil.rmtree(path, ignore_errors=True)

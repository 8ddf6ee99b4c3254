"""What the tests share that take Go's own sources as judge."""

import functools
import pathlib

import pytest

import harness


@functools.lru_cache(maxsize=None)
def go_root(version):
    """The folder of a toolchain, with its sources and tests. Skips the test when it is not to be had."""
    reason = harness.toolchain(version)
    if reason:
        pytest.skip(reason)
    return pathlib.Path(harness.go_command(version, "env", "GOROOT", cwd="/").out.strip())


@functools.lru_cache(maxsize=None)
def test_program(version, folder, env=(), flags=()):
    """Builds one of the programs of Go's src/runtime/testdata and returns its path."""
    source = go_root(version) / "src/runtime/testdata" / folder
    if not source.exists():
        pytest.skip(f"{version} comes without {source}")
    target = harness.ROOT / "build/judge" / "-".join([version, *folder.split("/"), *(v for _, v in env)])
    result = harness.go_command(version, "build", *flags, "-o", target, ".", cwd=source, env=env)
    assert result.status == 0, result
    return target


test_program.__test__ = False  # not a test, whatever its name

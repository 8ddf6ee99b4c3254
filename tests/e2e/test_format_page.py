"""A file as the recorder of today writes it, read by the decoder that was written from gotape(5) alone (tests/format)."""

import sys

import harness

sys.path.insert(0, str(harness.ROOT / "tests/format"))

import test_format  # noqa: E402


def test_recorded_file_is_as_the_page_says(trace, monkeypatch):
    result = harness.launched(trace, harness.goprog("truth"), "-rounds", "1", options=["--detail", "all"])
    assert result.status == 0, result
    monkeypatch.setattr(test_format, "REPLAY", harness.REPLAY)
    decoded = test_format.compare(trace)
    assert sum(len(chunk.events) for chunk in decoded.chunks) > 200

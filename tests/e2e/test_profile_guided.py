"""Builds guided by a profile (-pgo): where the compiler has inlined gopark, its copies are probed as well."""

import re

import harness

# Of the supported versions this one inlines gopark into chanrecv, with the profile in tests/goprogs/hotchan.
VERSION = "go1.27.1"


def test_inlined_copies_of_gopark(trace):
    program = harness.goprog("hotchan", VERSION)
    check = harness.run(harness.RECORD, "--check", "--", program)
    assert check.status == 0, check
    copies = re.findall(r"park_\d+ +(\S+)\+0x\w+ +call +emulated", check.out)
    assert "runtime.chanrecv" in copies, check.out

    result = harness.launched(trace, program, "-duration", "500ms")
    assert result.status == 0, result
    harness.assert_checked(trace)
    db = harness.database(trace)
    assert harness.assert_balanced(db) > 100
    waits = harness.rows(db, "SELECT DISTINCT reason, function FROM wait_named JOIN stack_frame ON"
                             " stack_frame.stack_id = wait_named.stack_id AND depth = 0 WHERE NOT is_system")
    assert ("chan receive", "runtime.gopark") in waits
    sites = harness.rows(db, "SELECT DISTINCT site FROM wait_named WHERE reason = 'chan receive' AND NOT is_system")
    assert {"main.echo", "main.main"} <= {site for (site,) in sites}
    unknown = harness.value(db, "SELECT count(*) FROM wait_named WHERE reason_class IN ('chan_recv', 'chan_send') AND NOT"
                                " EXISTS (SELECT 1 FROM wait_object WHERE wait_id = wait_named.id) AND NOT is_system")
    assert unknown == 0

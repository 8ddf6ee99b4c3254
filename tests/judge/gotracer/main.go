// Program gotracer is a judge: it compares what gotape recorded of a run with what Go's own execution tracer wrote in the same
// run. For every goroutine that both know, the sequence of states (waiting, runnable, running, gone; in a system call is
// running) must be the same within the time that Go's trace covers, and so must the reasons of waits and stops. Where Go's
// tracer rightly tells another story, a rule with a name and a cause says so (rules.go); everything else is a mismatch.
//
// So must the stops of the world and the collector's mark phases.
//
// Usage: gotracer GO_TRACE TRANSITIONS SPANS
//
// TRANSITIONS has a line for each row of gotape's view transition_named, in the order of id, separated by tabs:
// time_ns goid event to_state reason flags; to the reason "sleep" of the runtime's own goroutines " (system)" is added, and 64 to
// the flags of a run that ended a wait for the network whose wake was not seen. SPANS has name, start and end of each stop of the world and mark phase. The answer is one JSON object on stdout; status 1: there are mismatches.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: gotracer GO_TRACE TRANSITIONS SPANS")
		os.Exit(2)
	}
	theirs, err := readGoTrace(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotracer:", err)
		os.Exit(2)
	}
	ours, err := readTransitions(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotracer:", err)
		os.Exit(2)
	}
	spans, err := readSpans(os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotracer:", err)
		os.Exit(2)
	}
	verdict := compare(theirs, ours)
	verdict.compareSpans(theirs.spans, spans, theirs.begin, theirs.end)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(verdict); err != nil {
		fmt.Fprintln(os.Stderr, "gotracer:", err)
		os.Exit(2)
	}
	if len(verdict.Mismatches) > 0 {
		os.Exit(1)
	}
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A span is a stop of the world or a mark phase of the collector, by the name that Go's tracer gives it.
type span struct {
	name       string
	start, end int64 // end 0: it did not end within the trace
}

// A span is the same in both stories when it begins at the same time, but for a thread's being preempted in between.
const spanNs = 20_000_000

const markPhase = "GC concurrent mark phase"

func isSpan(name string) bool {
	return strings.HasPrefix(name, "stop-the-world (") || name == markPhase
}

// readSpans reads lines of name, start and end in ns, separated by tabs.
func readSpans(path string) ([]span, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	spans := []span{}
	scanner := bufio.NewScanner(file)
	for number := 1; scanner.Scan(); number++ {
		field := strings.Split(scanner.Text(), "\t")
		if len(field) != 3 {
			return nil, fmt.Errorf("%s:%d: not three fields", path, number)
		}
		start, errStart := strconv.ParseInt(field[1], 10, 64)
		end, errEnd := strconv.ParseInt(field[2], 10, 64)
		if errStart != nil || errEnd != nil {
			return nil, fmt.Errorf("%s:%d: cannot be read: %q", path, number, scanner.Text())
		}
		spans = append(spans, span{field[0], start, end})
	}
	return spans, scanner.Err()
}

// compareSpans finds for each of theirs one of ours, and the other way round for those that lie wholly within Go's trace. Their
// begins are compared: Go's tracer writes the end of a stop when startTheWorld has done everything, gotape's probe is at its
// entry, hence only somewhat earlier is right. Theirs begin a mark phase, as gotape a cycle, before the first stop.
func (v *verdict) compareSpans(theirs, ours []span, begin, end int64) {
	used := make([]bool, len(ours))
	distances := []int64{}
	for _, t := range theirs {
		best := -1
		for i, o := range ours {
			// The stop in which the tracing starts has begun before; a thread may wait long for a CPU between the two moments.
			isWithin := o.start <= t.start && t.start <= o.end || t.start <= o.start && o.start <= t.end
			if used[i] || o.name != t.name || !isWithin && distanceOf(o.start, t.start) > spanNs {
				continue
			}
			if best < 0 || distanceOf(o.start, t.start) < distanceOf(ours[best].start, t.start) {
				best = i
			}
		}
		switch {
		case best >= 0:
			used[best] = true
			v.EqualSpans++
			if t.name != markPhase {
				distances = append(distances, distanceOf(ours[best].start, t.start))
			}
			if t.end != 0 && t.name != markPhase && (ours[best].end < t.start || ours[best].end > t.end) {
				v.Mismatches = append(v.Mismatches, mismatch{Time: t.start, What: "another end of " + t.name})
			}
		case t.start < end-edgeNs && t.end != 0:
			v.Mismatches = append(v.Mismatches, mismatch{Time: t.start, What: "gotape has no " + t.name})
		}
	}
	for i, o := range ours {
		if !used[i] && o.start > begin+edgeNs && o.end < end-edgeNs {
			v.Mismatches = append(v.Mismatches, mismatch{Time: o.start, What: "Go's trace has no " + o.name})
		}
	}
	if len(distances) > 0 {
		slices.Sort(distances)
		v.SpanMedianNs = distances[len(distances)/2]
	}
}

func distanceOf(a, b int64) int64 {
	return max(a-b, b-a)
}

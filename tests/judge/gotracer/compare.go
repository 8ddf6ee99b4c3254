package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

type mismatch struct {
	Goid   int64    `json:"goid"`
	Time   int64    `json:"time_ns"`
	What   string   `json:"what"`
	Theirs []string `json:"theirs"`
	Ours   []string `json:"ours"`
}

type verdict struct {
	Goroutines     int            `json:"goroutines"`
	TheirSteps     int            `json:"their_transitions"`
	OurSteps       int            `json:"our_transitions"`
	Equal          int            `json:"equal_transitions"`
	Differences    map[string]int `json:"differences"`
	Reasons        map[string]int `json:"reasons"`
	Mismatches     []mismatch     `json:"mismatches"`
	MedianNs       int64          `json:"median_ns"`
	P99Ns          int64          `json:"p99_ns"`
	MaxNs          int64          `json:"max_ns"`
	SignedMedianNs int64          `json:"signed_median_ns"`
	OffsetNs       int64          `json:"clock_offset_ns"`
	IsTied         bool           `json:"clocks_tied"`
	EqualSpans     int            `json:"equal_spans"`
	SpanMedianNs   int64          `json:"span_median_ns"`

	distances []int64
}

// The tracer does not stop for all threads at one moment: one that the kernel preempts while it writes an event comes later.
const edgeNs = 2_000_000

// How many places at which a goroutine's first step may belong are tried: with coroutines that take turns every microsecond and a
// thread that waits for a CPU at the wrong moment many lie nearer in time than the right one.
const alignments = 64

func newVerdict() *verdict {
	return &verdict{Differences: map[string]int{}, Reasons: map[string]int{}, Mismatches: []mismatch{}}
}

// add takes over what was found out about one goroutine.
func (v *verdict) add(other *verdict) {
	v.TheirSteps += other.TheirSteps
	v.OurSteps += other.OurSteps
	v.Equal += other.Equal
	for name, count := range other.Differences {
		v.Differences[name] += count
	}
	for name, count := range other.Reasons {
		v.Reasons[name] += count
	}
	v.Mismatches = append(v.Mismatches, other.Mismatches...)
	v.distances = append(v.distances, other.distances...)
}

func compare(theirs, ours *history) *verdict {
	v := newVerdict()
	v.OffsetNs, v.IsTied = theirs.offset, theirs.hasTie
	for _, goid := range slices.Sorted(maps.Keys(theirs.steps)) {
		v.goroutine(goid, theirs.steps[goid], ours.steps[goid], theirs.begin, theirs.end)
	}
	// Who is in our list only must have been still for the whole time, or gone.
	for goid, steps := range ours.steps {
		if theirs.steps[goid] != nil {
			continue
		}
		for _, s := range steps {
			if s.time > theirs.begin+edgeNs && s.time < theirs.end-edgeNs {
				v.mismatch(goid, s.time, "goroutine that Go's trace does not have", nil, steps)
				break
			}
		}
	}
	v.summarize()
	return v
}

// goroutine compares the two stories of one. The first step of theirs is put where the rest fits.
func (v *verdict) goroutine(goid int64, theirs, ours []step, begin, end int64) {
	v.Goroutines++
	if theirs[0].event == viaCreate && theirs[0].state == running {
		v.Differences["C thread calls in"]++
		v.TheirSteps++
		theirs = theirs[1:]
		if states(theirs, runnable, running) && theirs[0].event == viaSyscallEnd && len(ours) > 0 && ours[0].state != runnable {
			v.Differences["system call that lost its P"]++
			v.TheirSteps += 2
			theirs = theirs[2:]
		}
		if len(theirs) == 0 {
			return
		}
	}
	var best *verdict
	for _, start := range align(theirs, ours, begin, end) {
		attempt := newVerdict()
		attempt.walk(goid, theirs, ours, start, end)
		if best == nil || len(attempt.Mismatches) < len(best.Mismatches) {
			best = attempt
		}
		if len(best.Mismatches) == 0 {
			break
		}
	}
	if best == nil {
		v.TheirSteps += len(theirs)
		v.mismatch(goid, theirs[0].time, "no such state at the beginning", theirs, ours)
		return
	}
	v.add(best)
}

func (v *verdict) walk(goid int64, theirs, ours []step, start int, end int64) {
	within := len(ours)
	for within > start+1 && ours[within-1].time > end {
		within--
	}
	v.TheirSteps += len(theirs)
	v.OurSteps += within - start
	if theirs[0].event != viaStatus {
		v.distance(theirs[0], ours[start])
	}
	if theirs[0].state == ours[start].state {
		v.Equal++
	} else {
		v.Differences["wake without ready()"]++
	}
	i, j := 1, start+1
	before := ours[start]
	for i < len(theirs) || j < within {
		if i < len(theirs) && j < len(ours) && theirs[i].state == ours[j].state && !isOtherEnd(theirs[i], ours[j]) {
			v.reason(goid, theirs[i], ours[j])
			v.distance(theirs[i], ours[j])
			v.Equal++
			before = ours[j]
			i++
			j++
			continue
		}
		if name, di, dj := applies(theirs[i:], ours[j:], before); name != "" {
			v.Differences[name]++
			i += di
			j += dj
			if dj > 0 {
				before = ours[j-1]
			}
			continue
		}
		if i == len(theirs) && ours[j].time > end-edgeNs {
			v.Differences["end of the trace"] += within - j
			return
		}
		at := end
		if i < len(theirs) {
			at = theirs[i].time
		}
		v.mismatch(goid, at, "sequence", theirs[max(0, i-3):min(len(theirs), i+5)], ours[max(0, j-3):min(len(ours), j+5)])
		return
	}
}

// isOtherEnd tells that theirs became runnable because its P was gone after a system call, and ours for another reason: they
// only look alike.
func isOtherEnd(theirs, ours step) bool {
	return theirs.event == viaSyscallEnd && ours.state == runnable && ours.event != "syscall_no_p"
}

func applies(theirs, ours []step, before step) (string, int, int) {
	for _, r := range rules {
		if di, dj := r.match(theirs, ours, before); di+dj > 0 {
			return r.name, di, dj
		}
	}
	return "", 0, 0
}

// align finds the steps of ours that may stand for the first of theirs, best first. A goroutine that the trace found there has
// its status written with its first event; it was in that state when the trace began. The next step tells which one is meant:
// the nearest in time.
func align(theirs, ours []step, begin, end int64) []int {
	if theirs[0].event == viaCreate {
		i := slices.IndexFunc(ours, func(s step) bool { return s.event == "create" })
		if i < 0 || ours[i].state != theirs[0].state {
			return nil
		}
		return []int{i}
	}
	nextTheirs := end
	if len(theirs) > 1 {
		nextTheirs = theirs[1].time
	}
	candidates := []int{}
	distance := func(i int) int64 {
		next := end
		if i+1 < len(ours) {
			next = ours[i+1].time
		}
		if len(theirs) == 1 && next > end { // no next step of theirs, and none of ours
			return 0
		}
		return max(nextTheirs-next, next-nextTheirs)
	}
	latest := nextTheirs + edgeNs
	if theirs[0].event == viaStatus {
		latest = begin + edgeNs
	}
	for i, s := range ours {
		isSilentlyWoken := theirs[0].state == runnable && s.state == waiting && silentReasons[s.reason]
		if (s.state == theirs[0].state || isSilentlyWoken) && s.time < latest {
			candidates = append(candidates, i)
		}
	}
	slices.SortStableFunc(candidates, func(a, b int) int { return cmp.Compare(distance(a), distance(b)) })
	return candidates[:min(len(candidates), alignments)]
}

func (v *verdict) reason(goid int64, theirs, ours step) {
	if theirs.state != waiting {
		return
	}
	v.Reasons[fmt.Sprintf("%s = %s", theirs.reason, ours.reason)]++
	if !slices.Contains(reasonsOf[theirs.reason], ours.reason) {
		v.mismatch(goid, theirs.time, "reason", []step{theirs}, []step{ours})
	}
}

func (v *verdict) distance(theirs, ours step) {
	v.distances = append(v.distances, theirs.time-ours.time)
}

func (v *verdict) summarize() {
	if len(v.distances) == 0 {
		return
	}
	slices.Sort(v.distances)
	v.SignedMedianNs = v.distances[len(v.distances)/2]
	for i, d := range v.distances {
		v.distances[i] = max(d, -d)
	}
	slices.Sort(v.distances)
	v.MedianNs = v.distances[len(v.distances)/2]
	v.P99Ns = v.distances[len(v.distances)*99/100]
	v.MaxNs = v.distances[len(v.distances)-1]
}

func (v *verdict) mismatch(goid, time int64, what string, theirs, ours []step) {
	v.Mismatches = append(v.Mismatches, mismatch{goid, time, what, describe(theirs), describe(ours)})
}

func describe(steps []step) []string {
	lines := []string{}
	for _, s := range steps[:min(len(steps), 12)] {
		lines = append(lines, fmt.Sprintf("%d %s %s %s %d", s.time, s.state, s.event, s.reason, s.flags))
	}
	return lines
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/exp/trace"
)

type state string

const (
	waiting  state = "waiting"
	runnable state = "runnable"
	running  state = "running"
	gone     state = "gone"
)

// A step is a goroutine's change into a state.
type step struct {
	time   int64 // CLOCK_MONOTONIC nanoseconds
	state  state
	reason string // of a wait; in Go's trace also of a stop
	event  string // ours: name of the event; theirs: how it came about, see the constants
	flags  int    // ours: transition.flags; flagTaken: ended a wait whose waker was found to be the network, at an unknown moment
}

const (
	viaStatus     = "status"      // known at the beginning of the trace
	viaCreate     = "create"      // made within the trace
	viaSyscallEnd = "syscall_end" // out of a system call: its P had been taken, or (gone) a C thread's call into Go ended
	viaOther      = ""
)

const (
	flagAborted = 8
	flagTaken   = 64
)

type history struct {
	steps  map[int64][]step
	spans  []span // theirs: stops of the world and mark phases
	begin  int64  // first event
	end    int64  // last event; theirs: last change of a goroutine's state
	offset int64  // theirs: what was added to Go's times
	hasTie bool   // theirs: the offset is from a reading of both clocks
}

// Go's states. In a system call a goroutine is running: gotape tells system calls apart by the thread.
var goStates = map[trace.GoState]state{
	trace.GoNotExist: gone, trace.GoRunnable: runnable, trace.GoRunning: running, trace.GoWaiting: waiting, trace.GoSyscall: running,
}

// readGoTrace reads the trace of one runtime/trace session. On linux/amd64 its clock is nanotime in units of 64 ns
// (runtime/tracetime.go), that is CLOCK_MONOTONIC; from Go 1.25 on it holds readings of both, which then count.
func readGoTrace(path string) (*history, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := trace.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	h := &history{steps: map[int64][]step{}}
	current := map[int64]state{}
	for {
		event, err := reader.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if event.Kind() == trace.EventSync {
			if snapshot := event.Sync().ClockSnapshot; snapshot != nil && !h.hasTie {
				h.hasTie = true
				h.offset = int64(snapshot.Mono) - int64(snapshot.Trace)
			}
			continue
		}
		now := int64(event.Time())
		if h.begin == 0 {
			h.begin = now
		}
		if event.Kind() == trace.EventRangeBegin || event.Kind() == trace.EventRangeEnd {
			h.span(event.Range().Name, now, event.Kind() == trace.EventRangeBegin)
			continue
		}
		if event.Kind() != trace.EventStateTransition {
			continue
		}
		transition := event.StateTransition()
		if transition.Resource.Kind != trace.ResourceGoroutine {
			continue
		}
		goid := int64(transition.Resource.Goroutine())
		from, to := transition.Goroutine()
		// The status of who did nothing is written after the tracing has stopped.
		if from != trace.GoUndetermined && from != to {
			h.end = max(h.end, now)
		}
		next, ok := goStates[to]
		if !ok {
			continue
		}
		before, known := current[goid]
		current[goid] = next
		if known && before == next {
			continue
		}
		via := viaOther
		switch {
		case from == trace.GoUndetermined:
			via = viaStatus
		case from == trace.GoNotExist:
			via = viaCreate
		case from == trace.GoSyscall:
			via = viaSyscallEnd
		}
		h.steps[goid] = append(h.steps[goid], step{time: now, state: next, reason: transition.Reason, event: via})
	}
	for _, steps := range h.steps {
		for i := range steps {
			steps[i].time += h.offset
		}
	}
	for i := range h.spans {
		h.spans[i].start += h.offset
		if h.spans[i].end != 0 {
			h.spans[i].end += h.offset
		}
	}
	h.begin += h.offset
	h.end += h.offset
	return h, nil
}

// span takes the begin or the end of a stop or a phase: there is one of a name at a time.
func (h *history) span(name string, now int64, isBegin bool) {
	if !isSpan(name) {
		return
	}
	if isBegin {
		h.spans = append(h.spans, span{name: name, start: now})
		return
	}
	for i := len(h.spans) - 1; i >= 0; i-- {
		if h.spans[i].name == name && h.spans[i].end == 0 {
			h.spans[i].end = now
			return
		}
	}
}

// gotape's states.
var ourStates = map[string]state{
	"runnable": runnable, "running": running, "waiting": waiting, "preempted": waiting, "dead": gone,
}

func readTransitions(path string) (*history, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	h := &history{steps: map[int64][]step{}}
	scanner := bufio.NewScanner(file)
	for number := 1; scanner.Scan(); number++ {
		field := strings.Split(scanner.Text(), "\t")
		if len(field) != 6 {
			return nil, fmt.Errorf("%s:%d: not six fields", path, number)
		}
		time, errTime := strconv.ParseInt(field[0], 10, 64)
		goid, errGoid := strconv.ParseInt(field[1], 10, 64)
		flags, errFlags := strconv.Atoi(field[5])
		next, ok := ourStates[field[3]]
		if errTime != nil || errGoid != nil || errFlags != nil || !ok {
			return nil, fmt.Errorf("%s:%d: cannot be read: %q", path, number, scanner.Text())
		}
		if field[3] == "preempted" {
			field[4] = "preempted"
		}
		h.steps[goid] = append(h.steps[goid], step{time: time, state: next, reason: field[4], event: field[2], flags: flags})
		if h.begin == 0 {
			h.begin = time
		}
		h.end = max(h.end, time)
	}
	return h, scanner.Err()
}

package main

// A rule knows one way in which the two stories may rightly differ. It looks at the steps that come next on both sides (both
// after the same state) and says how many of each it accounts for; 0, 0: it does not apply.
type rule struct {
	name  string
	cause string
	match func(theirs, ours []step, before step) (int, int)
}

// The runtime's own waits that the scheduler ends without making the goroutine runnable first by ready(): it runs the
// goroutine right away, or puts it on a queue by injectglist. Go's tracer writes a GoUnblock for both.
var silentReasons = map[string]bool{
	"GC worker (idle)": true, "GC worker (active)": true, "GC assist wait": true, "GC sweep wait": true, "GC scavenge wait": true,
	"GC weak to strong wait": true, "force gc (idle)": true, "finalizer wait": true, "cleanup wait": true,
	"trace reader (blocked)": true, "GOMAXPROCS updater (idle)": true, "wait for GC cycle": true, "sleep (system)": true,
}

var rules = []rule{
	{
		"park taken back",
		"gopark's unlock function found that what was waited for had come: the goroutine runs on. Go's tracer writes an unblock " +
			"and a start (runtime/proc.go park_m), gotape no moment of being runnable",
		func(theirs, ours []step, before step) (int, int) {
			if before.state == waiting && states(theirs, runnable, running) && states(ours, running) && ours[0].flags&flagAborted != 0 {
				return 2, 1
			}
			return 0, 0
		},
	},
	{
		"wake without ready()",
		"the scheduler took the goroutine from its wait by itself (findRunnable, injectglist): gotape sees it run",
		func(theirs, ours []step, before step) (int, int) {
			switch {
			case before.state != waiting || !silentReasons[before.reason] || len(ours) > 0 && ours[0].state != running:
			case len(ours) > 0 && states(theirs, runnable, running):
				return 2, 1
			case len(theirs) == 1 && states(theirs, runnable): // its turn has not come before the end
				return 1, 0
			}
			return 0, 0
		},
	},
	{
		"taken by the poller while it parked",
		"netpollready looked for the goroutine before it parked, or for an earlier wait, and took it after (runtime/netpoll.go): " +
			"gotape's probe at its entry sees nobody there, and gives no moment of waking",
		func(theirs, ours []step, before step) (int, int) {
			if before.state == waiting && before.reason == "IO wait" && states(theirs, runnable, running) && states(ours, running) &&
				ours[0].flags&flagTaken != 0 {
				return 2, 1
			}
			return 0, 0
		},
	},
	{
		"system call that lost its P",
		"back from a system call the thread found another P at once: Go's tracer writes GoSyscallEndBlocked and GoStart " +
			"(runtime/proc.go exitsyscall), but the goroutine has never been in a queue: running for gotape",
		func(theirs, ours []step, before step) (int, int) {
			if before.state == running && states(theirs, runnable, running) && theirs[0].event == viaSyscallEnd {
				return 2, 0
			}
			return 0, 0
		},
	},
	{
		"coroutine switch",
		"coroswitch hands the thread over directly; Go's tracer splits its GoSwitch into an unblock and a start",
		func(theirs, ours []step, before step) (int, int) {
			if before.state == waiting && states(theirs, runnable, running) && states(ours, running) && ours[0].event == "coro" {
				return 2, 1
			}
			return 0, 0
		},
	},
	{
		"P taken by procresize",
		"who stops the world to lower GOMAXPROCS may lose its P to the change: procresize tells Go's tracer that it yielded and " +
			"started again (runtime/proc.go), but it runs on",
		func(theirs, ours []step, before step) (int, int) {
			if before.state == running && states(theirs, runnable, running) && theirs[0].reason == "runtime.Gosched" &&
				theirs[1].time-theirs[0].time < 100_000 && (len(ours) == 0 || ours[0].time > theirs[1].time) {
				return 2, 0
			}
			return 0, 0
		},
	},
	{
		"C thread calls in",
		"the goroutine of a C thread begins and ends with its calls into Go (runtime/proc.go needm, dropm); gotape has no probe " +
			"there: it knows it from its first event on, and as running between calls",
		func(theirs, ours []step, before step) (int, int) {
			switch {
			case before.state == running && states(theirs, gone, running) && theirs[1].event == viaCreate:
				return 2, 0
			case before.state == running && states(theirs, gone) && theirs[0].event == viaSyscallEnd:
				return 1, 0
			}
			return 0, 0
		},
	},
}

func states(steps []step, want ...state) bool {
	if len(steps) < len(want) {
		return false
	}
	for i, s := range want {
		if steps[i].state != s {
			return false
		}
	}
	return true
}

// What Go's tracer calls the runtime's wait reasons (runtime/traceruntime.go traceBlockReasonStrings; who calls gopark says
// which).
var reasonsOf = map[string][]string{
	"forever":                      {"chan receive (nil chan)", "chan send (nil chan)", "select (no cases)"},
	"network":                      {"IO wait"},
	"select":                       {"select", "select (durable)"},
	"sync.(*Cond).Wait":            {"sync.Cond.Wait"},
	"chan send":                    {"chan send", "chan send (durable)"},
	"chan receive":                 {"chan receive", "chan receive (durable)"},
	"sleep":                        {"sleep", "sleep (system)"},
	"GC mark assist wait for work": {"GC assist wait"},
	"GC background sweeper wait":   {"GC sweep wait"},
	"preempted":                    {"preempted"},
	"GC weak to strong wait":       {"GC weak to strong wait"},
	"wait until GC ends":           {"wait for GC cycle"},
	"sync": {"semacquire", "sync.Mutex.Lock", "sync.RWMutex.RLock", "sync.RWMutex.Lock", "sync.WaitGroup.Wait",
		"sync.WaitGroup.Wait (durable)"},
	"system goroutine wait": {"GC worker (idle)", "GC scavenge wait", "finalizer wait", "cleanup wait", "force gc (idle)",
		"GOMAXPROCS updater (idle)", "trace reader (blocked)"},
	"synctest": {"synctest.Run", "synctest.Wait"},
	// A GoSwitch has no reason.
	"": {"coroutine"},
}

// Truth makes goroutines wait in every way that a recorder must understand, and measures each wait itself: who waited,
// on which object, in which function, and the clock (CLOCK_MONOTONIC) before and after. It prints what it knows as JSON
// lines, so that a test can hold a recording against it.
//
//	truth [-rounds N] [-seed N] [-wait] [-hold]
//
// With -wait it prints a line {"kind":"ready"} and goes on when it has read a line, so that a recorder can be attached in
// between; what it starts before that (the "before" waits) is already blocked when the recorder comes. With -hold it ends
// when standard input does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"sync"
	"time"

	"gotape.test/goprogs/internal/mono"
	"gotape.test/goprogs/internal/self"
)

// A Wait is one blocking operation as seen by the goroutine that did it.
type Wait struct {
	Kind     string   `json:"kind"`
	Class    string   `json:"class"` // the recorder's reason class
	Round    int      `json:"round"`
	Goid     int64    `json:"goid"`
	Func     string   `json:"func"`
	Objects  []string `json:"objects"` // channel addresses of a select in source order, or the one object
	ElemType string   `json:"elem_type,omitempty"`
	Cap      int      `json:"cap"`
	BeforeNs int64    `json:"before_ns"`
	AfterNs  int64    `json:"after_ns"` // 0: never came back
	AskedNs  int64    `json:"asked_ns"` // how long the other side let it wait
	WakerID  int64    `json:"waker_goid"`
	Waker    string   `json:"waker"` // goroutine, timer, net, none_yet
	WakeFunc string   `json:"waker_func,omitempty"`
}

type job struct{ id int }

// A scenario blocks the calling goroutine once and fills in what it knows. The partner that ends the wait runs in a
// goroutine of its own and leaves its goid.
type scenario struct {
	kind string
	run  func(w *Wait, d time.Duration)
}

var scenarios = []scenario{
	{"chan_recv", recvWait},
	{"chan_send", sendWait},
	{"full_buffer", fullBufferWait},
	{"closed_chan", closedWait},
	{"select", selectWait},
	{"select_timeout", selectTimeoutWait},
	{"mutex", mutexWait},
	{"rwmutex_read", rwReadWait},
	{"rwmutex_write", rwWriteWait},
	{"waitgroup", waitGroupWait},
	{"cond", condWait},
	{"sleep", sleepWait},
	{"net_read", netWait},
}

func main() {
	rounds := flag.Int("rounds", 3, "how often each kind of wait is made")
	seed := flag.Int64("seed", 1, "seed of the durations")
	wait := flag.Bool("wait", false, "begin when a line arrives on standard input")
	hold := flag.Bool("hold", false, "stay until standard input ends")
	flag.Parse()

	// A second bufio.Reader would lose what the first one read ahead.
	stdin := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	release := make(chan struct{})
	if *wait {
		before := startBefore(release)
		emit(out, map[string]any{"kind": "ready", "pid": os.Getpid(), "go": runtime.Version(), "before": before})
		if _, err := stdin.ReadString('\n'); err != nil {
			fatal(err)
		}
	}
	begin := mono.Now()
	waits := append(runRounds(*rounds, *seed), leak()...)
	close(release)
	for _, w := range waits {
		emit(out, w)
	}
	emit(out, map[string]any{"kind": "done", "pid": os.Getpid(), "go": runtime.Version(), "begin_ns": begin, "end_ns": mono.Now()})
	if *hold {
		for {
			if _, err := stdin.ReadString('\n'); err != nil {
				return
			}
		}
	}
}

func emit(out *json.Encoder, v any) {
	if err := out.Encode(v); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "truth:", err)
	os.Exit(1)
}

// runRounds runs every scenario in its own goroutine, all kinds of one round at the same time. Each goroutine writes to
// its own slot: a lock around the result would be a wait that nobody measured.
func runRounds(rounds int, seed int64) []*Wait {
	random := rand.New(rand.NewSource(seed))
	var waits []*Wait
	for round := 0; round < rounds; round++ {
		var group sync.WaitGroup
		for _, s := range scenarios {
			w := &Wait{Kind: s.kind, Round: round, Waker: "goroutine", Objects: []string{}}
			waits = append(waits, w)
			d := 5*time.Millisecond + time.Duration(random.Int63n(int64(195*time.Millisecond)))
			w.AskedNs = int64(d)
			group.Add(1)
			go func(run func(*Wait, time.Duration)) {
				defer group.Done()
				w.Goid = self.Goid()
				run(w, d)
			}(s.run)
		}
		group.Wait()
	}
	return waits
}

// startBefore blocks goroutines before the recorder comes; closing release ends them. Their waits began unseen, so that
// a recording may not contain any of them. Returns their goids.
func startBefore(release chan struct{}) []int64 {
	goids := make(chan int64)
	var all []int64
	for i := 0; i < 5; i++ {
		go func() {
			goids <- self.Goid()
			<-release
		}()
		all = append(all, <-goids)
	}
	time.Sleep(20 * time.Millisecond)
	return all
}

// leak starts the goroutines that nobody will ever wake, and gives a recorder the time to read what their channels are: it
// can do so only as long as the process lives.
func leak() []*Wait {
	kinds := []struct {
		kind string
		run  func(w *Wait, started chan<- struct{})
	}{{"leak", leakRecv}, {"leak_nil", leakNil}}
	var waits []*Wait
	for _, k := range kinds {
		w := &Wait{Kind: k.kind, Waker: "none_yet", Objects: []string{}}
		waits = append(waits, w)
		started := make(chan struct{})
		go k.run(w, started)
		<-started
	}
	time.Sleep(300 * time.Millisecond)
	return waits
}

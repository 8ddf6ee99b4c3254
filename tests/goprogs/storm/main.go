// Storm makes goroutine events at a steady rate: pairs of goroutines that hand a value to and fro over unbuffered
// channels. Each round trip is two parks, two readies and two runs, which a recorder must all see. It prints what it did
// as one line of JSON.
//
//	storm [-rate EVENTS_A_SECOND] [-duration 10s] [-pairs N] [-wait]
//
// A rate of 0 means as fast as it goes. With -wait it prints {"kind":"ready"} and begins when a line arrives on standard
// input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gotape.test/goprogs/internal/mono"
)

// eventsPerRoundTrip counts park, ready and exec on either side.
const eventsPerRoundTrip = 6

func main() {
	rate := flag.Int("rate", 150000, "goroutine events a second, 0 for as many as possible")
	duration := flag.Duration("duration", 10*time.Second, "how long")
	pairs := flag.Int("pairs", 4, "pairs of goroutines")
	wait := flag.Bool("wait", false, "begin when a line arrives on standard input")
	flag.Parse()

	out := json.NewEncoder(os.Stdout)
	if *wait {
		out.Encode(map[string]any{"kind": "ready", "pid": os.Getpid()})
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			fmt.Fprintln(os.Stderr, "storm:", err)
			os.Exit(1)
		}
	}

	perPair := float64(*rate) / eventsPerRoundTrip / float64(*pairs)
	trips := make([]int64, *pairs)
	begin := time.Now()
	beginNs, beginCPU := mono.Now(), cpuTime()
	var group sync.WaitGroup
	for i := 0; i < *pairs; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			trips[i] = pingPong(begin, *duration, perPair)
		}(i)
	}
	group.Wait()
	endNs, endCPU := mono.Now(), cpuTime()

	var total int64
	for _, n := range trips {
		total += n
	}
	out.Encode(map[string]any{
		"kind": "done", "pid": os.Getpid(), "go": runtime.Version(), "round_trips": total, "begin_ns": beginNs, "end_ns": endNs,
		"events":                total * eventsPerRoundTrip,
		"events_per_second":     float64(total*eventsPerRoundTrip) / (float64(endNs-beginNs) / 1e9),
		"ns_per_round_trip":     float64(endNs-beginNs) / float64(max(total, 1)) * float64(*pairs),
		"cpu_ns_per_round_trip": float64(endCPU-beginCPU) / float64(max(total, 1)),
	})
}

// cpuTime is what all threads together have used, in nanoseconds: unlike the clock it does not count what others used.
func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// pingPong plays until the time is up and returns the number of round trips. The rate is kept by running ahead to where
// the clock says the count should be, then sleeping a millisecond: a late wake-up is caught up, not lost.
func pingPong(begin time.Time, duration time.Duration, perSecond float64) int64 {
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
		close(pong)
	}()
	var done int64
	for {
		elapsed := time.Since(begin)
		if elapsed >= duration {
			break
		}
		due := done + 256
		if perSecond > 0 {
			due = int64(perSecond * elapsed.Seconds())
		}
		for ; done < due; done++ {
			ping <- struct{}{}
			<-pong
		}
		if perSecond > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	close(ping)
	<-pong
	return done
}

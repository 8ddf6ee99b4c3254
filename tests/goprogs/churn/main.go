// Churn makes the scheduler work in every direction at once: goroutines that come and go, threads that are locked and
// die with their goroutine, blocking system calls, timers, yields, garbage collections. A recorder that follows it must
// see every goroutine that it counts. Prints what it did as one line of JSON.
//
//	churn [-duration 3s] [-wait]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gotape.test/goprogs/internal/mono"
	"gotape.test/goprogs/internal/self"
)

var created, timers, threads int64 // atomic

// spawn starts a goroutine and counts it.
func spawn(group *sync.WaitGroup, f func()) {
	atomic.AddInt64(&created, 1)
	group.Add(1)
	go func() {
		defer group.Done()
		f()
	}()
}

func main() {
	duration := flag.Duration("duration", 3*time.Second, "how long")
	wait := flag.Bool("wait", false, "begin when a line arrives on standard input")
	flag.Parse()
	out := json.NewEncoder(os.Stdout)
	if *wait {
		out.Encode(map[string]any{"kind": "ready", "pid": os.Getpid()})
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			fmt.Fprintln(os.Stderr, "churn:", err)
			os.Exit(1)
		}
	}

	begin := mono.Now()
	end := time.Now().Add(*duration)
	var group sync.WaitGroup
	for _, work := range []func(){burst, lockedThread, blockingCall, timerFires, yields, garbage} {
		work := work
		spawn(&group, func() {
			for time.Now().Before(end) {
				work()
			}
		})
	}
	group.Wait()
	out.Encode(map[string]any{
		"kind": "done", "pid": os.Getpid(), "go": runtime.Version(), "begin_ns": begin, "end_ns": mono.Now(),
		"created": atomic.LoadInt64(&created), "timers": atomic.LoadInt64(&timers), "locked_threads": atomic.LoadInt64(&threads), "tids": self.Threads(),
	})
}

// burst starts many short goroutines with a shared lock between them.
func burst() {
	var group sync.WaitGroup
	var mu sync.Mutex
	sum := 0
	for i := 0; i < 200; i++ {
		spawn(&group, func() {
			mu.Lock()
			sum++
			mu.Unlock()
		})
	}
	group.Wait()
	time.Sleep(2 * time.Millisecond)
}

// lockedThread lets a thread die: a goroutine that ends while it is locked takes its thread along.
func lockedThread() {
	var group sync.WaitGroup
	spawn(&group, func() {
		runtime.LockOSThread()
		atomic.AddInt64(&threads, 1)
		time.Sleep(time.Millisecond)
	})
	group.Wait()
	time.Sleep(5 * time.Millisecond)
}

// blockingCall blocks threads in the kernel long enough for the runtime to take their processors away.
func blockingCall() {
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		spawn(&group, func() {
			ts := syscall.NsecToTimespec(int64(300 * time.Microsecond))
			syscall.Nanosleep(&ts, nil)
		})
	}
	group.Wait()
}

// timerFires lets timers start goroutines, which have no goroutine as their creator.
func timerFires() {
	fired := make(chan struct{}, 8)
	for i := 0; i < cap(fired); i++ {
		time.AfterFunc(time.Duration(i+1)*100*time.Microsecond, func() { fired <- struct{}{} })
		atomic.AddInt64(&timers, 1)
	}
	for i := 0; i < cap(fired); i++ {
		<-fired
	}
	stopped := time.AfterFunc(time.Hour, func() {})
	stopped.Stop()
}

func yields() {
	for i := 0; i < 50; i++ {
		runtime.Gosched()
	}
	time.Sleep(time.Millisecond)
}

var sink []byte

func garbage() {
	for i := 0; i < 50; i++ {
		sink = make([]byte, 64<<10)
	}
	time.Sleep(5 * time.Millisecond)
}

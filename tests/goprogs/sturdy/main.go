// Sturdy works in many ways at once and checks all that it computes, so that whoever disturbs it is found out: sums over
// channels, counters under locks, waits that end in time, files that read back, children that answer. It goes on until
// standard input ends, prints {"kind":"done","operations":N,"errors":N}, and exits with 1 if anything was wrong.
//
//	sturdy [-parked N] [-threads] [-children] [-exec PROGRAM] [-for 5s]
//
// -parked keeps so many goroutines blocked all the time, and -threads makes threads come and go as fast as they can. -children
// starts children of its own binary, one after the other. With -exec it becomes another program after a line on standard
// input; with -for it ends by itself.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var operations, wrong int64 // atomic

func expect(ok bool, format string, args ...any) {
	atomic.AddInt64(&operations, 1)
	if !ok {
		if atomic.AddInt64(&wrong, 1) <= 10 {
			fmt.Fprintf(os.Stderr, "sturdy: "+format+"\n", args...)
		}
	}
}

// pipeline sends numbers through stages that each add one.
func pipeline() {
	const stages, count = 4, 200
	first := make(chan int)
	in := first
	for i := 0; i < stages; i++ {
		out := make(chan int, i)
		go func(in, out chan int) {
			for n := range in {
				out <- n + 1
			}
			close(out)
		}(in, out)
		in = out
	}
	go func() {
		for i := 0; i < count; i++ {
			first <- i
		}
		close(first)
	}()
	sum := 0
	for n := range in {
		sum += n
	}
	expect(sum == count*(count-1)/2+count*stages, "pipeline: %d", sum)
}

func locks() {
	var mu sync.RWMutex
	var group sync.WaitGroup
	counter := 0
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := 0; j < 50; j++ {
				mu.Lock()
				counter++
				if j%16 == 0 {
					runtime.Gosched()
				}
				mu.Unlock()
				mu.RLock()
				_ = counter
				mu.RUnlock()
			}
		}()
	}
	group.Wait()
	expect(counter == 400, "locks: %d", counter)
}

// selects has two senders and a quit channel; nothing may be lost.
func selects() {
	a, b, quit := make(chan int), make(chan int, 3), make(chan struct{})
	go func() {
		for i := 0; i < 100; i++ {
			a <- 1
			b <- 2
		}
		close(quit)
	}()
	sum := 0
	for done := false; !done; {
		select {
		case n := <-a:
			sum += n
		case n := <-b:
			sum += n
		case <-quit:
			for len(b) > 0 {
				sum += <-b
			}
			done = true
		}
	}
	expect(sum == 300, "selects: %d", sum)
}

func timers() {
	begin := time.Now()
	time.Sleep(2 * time.Millisecond)
	select {
	case <-time.After(time.Millisecond):
	}
	expect(time.Since(begin) >= 3*time.Millisecond, "timers: only %v", time.Since(begin))
}

func pipes() {
	r, w, err := os.Pipe()
	if err != nil {
		expect(false, "pipe: %v", err)
		return
	}
	text := bytes.Repeat([]byte("sturdy"), 20000)
	go func() {
		w.Write(text)
		w.Close()
	}()
	got, err := io.ReadAll(r)
	r.Close()
	expect(err == nil && bytes.Equal(got, text), "pipe: %d bytes, %v", len(got), err)
}

// garbage keeps a list alive through collections, deep in a stack that grows.
func garbage(depth int) int {
	var room [64]int
	room[depth%64] = depth
	if depth == 0 {
		runtime.GC()
		return 0
	}
	kept := make([]int, 1024)
	kept[depth%1024] = depth
	below := garbage(depth - 1)
	return below + kept[depth%1024] + room[depth%64] - depth
}

func collections() {
	sum := garbage(200)
	expect(sum == 200*201/2, "collections: %d", sum)
	time.Sleep(20 * time.Millisecond)
}

func threadStorm() {
	var group sync.WaitGroup
	var count int64
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			runtime.LockOSThread() // and never unlocked: the thread ends too
			ts := syscall.NsecToTimespec(int64(200 * time.Microsecond))
			syscall.Nanosleep(&ts, nil)
			atomic.AddInt64(&count, 1)
		}()
	}
	group.Wait()
	expect(count == 50, "threads: %d", count)
}

func child() {
	self, err := os.Executable()
	if err != nil {
		expect(false, "executable: %v", err)
		return
	}
	out, err := exec.Command(self, "-for", "20ms").Output()
	expect(err == nil && bytes.Contains(out, []byte(`"errors":0`)), "child: %v %q", err, out)
}

func main() {
	parked := flag.Int("parked", 0, "goroutines that wait all the time")
	threads := flag.Bool("threads", false, "threads come and go")
	children := flag.Bool("children", false, "children come and go")
	become := flag.String("exec", "", "program to become")
	length := flag.Duration("for", 0, "end after this long")
	flag.Parse()

	release := make(chan struct{})
	var waiting sync.WaitGroup
	for i := 0; i < *parked; i++ {
		waiting.Add(1)
		go func() {
			<-release
			waiting.Done()
		}()
	}
	works := []func(){pipeline, locks, selects, timers, pipes, collections}
	if *threads {
		works = append(works, threadStorm)
	}
	if *children {
		works = append(works, child)
	}
	var end int64
	var workers sync.WaitGroup
	for _, work := range works {
		workers.Add(1)
		go func(work func()) {
			defer workers.Done()
			for atomic.LoadInt64(&end) == 0 {
				work()
				time.Sleep(time.Millisecond)
			}
		}(work)
	}
	out := json.NewEncoder(os.Stdout)
	out.Encode(map[string]any{"kind": "ready", "pid": os.Getpid()})
	if *length > 0 {
		time.Sleep(*length)
	} else if *become != "" {
		bufio.NewReader(os.Stdin).ReadString('\n')
		err := syscall.Exec(*become, []string{*become, "-for", "300ms"}, os.Environ())
		expect(false, "exec: %v", err)
	} else {
		io.Copy(io.Discard, os.Stdin)
	}
	atomic.StoreInt64(&end, 1)
	workers.Wait()
	close(release)
	waiting.Wait()
	out.Encode(map[string]any{"kind": "done", "operations": atomic.LoadInt64(&operations), "errors": atomic.LoadInt64(&wrong)})
	if wrong != 0 {
		os.Exit(1)
	}
}

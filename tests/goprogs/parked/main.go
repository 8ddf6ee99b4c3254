// Parked makes goroutines wait in every way that there is, each for ever, and prints what each of them waits for. Then it
// holds still: whoever looks at its goroutines twice sees the same.
//
//	parked [-extra N]
//
// It ends when standard input does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"reflect"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"

	"gotape.test/goprogs/internal/self"
)

// A Waiter is what a goroutine says about itself before it waits.
type Waiter struct {
	Kind    string   `json:"kind"`
	Goid    int64    `json:"goid"`
	Object  string   `json:"object"`  // kind of the objects; "" for none
	Objects []string `json:"objects"` // addresses, of a select in source order
	Sends   []bool   `json:"sends"`   // of a select
	Value   int64    `json:"value"`   // sleep: ns
	Labels  string   `json:"labels"`
	Tid     int      `json:"tid"` // in a system call: where
}

var (
	waiters []*Waiter
	told    sync.WaitGroup
)

// park starts a goroutine that will wait; it calls its argument right before it does.
func park(kind string, run func(w *Waiter, ready func())) {
	w := &Waiter{Kind: kind, Objects: []string{}, Sends: []bool{}}
	waiters = append(waiters, w)
	told.Add(1)
	go func() {
		w.Goid = self.Goid()
		run(w, told.Done)
	}()
}

func (w *Waiter) on(kind string, objects ...any) {
	w.Object = kind
	for _, o := range objects {
		w.Objects = append(w.Objects, fmt.Sprintf("%p", o))
	}
}

type job struct{ id int }

func main() {
	extra := flag.Int("extra", 0, "so many more goroutines that wait for a channel")
	flag.Parse()

	channels()
	selects()
	locks()
	others()
	coroutines()
	told.Wait()
	never := make(chan struct{})
	for i := 0; i < *extra; i++ {
		go func() { <-never }()
	}
	settle()
	out := json.NewEncoder(os.Stdout)
	for _, w := range waiters {
		out.Encode(w)
	}
	out.Encode(map[string]any{"kind": "ready", "pid": os.Getpid(), "goroutines": runtime.NumGoroutine(), "main": self.Goid()})
	done := make(chan struct{})
	go func() {
		var buf [1]byte
		syscall.Read(0, buf[:])
		close(done)
	}()
	<-done
}

// settle lets the last of them reach its wait, and the collector's work end.
func settle() {
	runtime.GC()
	time.Sleep(300 * time.Millisecond)
}

func channels() {
	park("recv", func(w *Waiter, ready func()) {
		c := make(chan job)
		w.on("chan", c)
		ready()
		<-c
	})
	park("send", func(w *Waiter, ready func()) {
		c := make(chan *job, 1)
		w.on("chan", c)
		c <- nil
		ready()
		c <- nil
	})
	park("range", func(w *Waiter, ready func()) {
		c := make(chan int)
		w.on("chan", c)
		ready()
		for range c {
		}
	})
	park("recv_nil", func(w *Waiter, ready func()) {
		var c chan job
		ready()
		<-c
	})
	park("send_nil", func(w *Waiter, ready func()) {
		var c chan job
		ready()
		c <- job{}
	})
	park("timer_chan", func(w *Waiter, ready func()) {
		c := time.After(time.Hour)
		w.on("chan", c)
		ready()
		<-c
	})
	park("locked_to_thread", func(w *Waiter, ready func()) {
		runtime.LockOSThread()
		c := make(chan job)
		w.on("chan", c)
		ready()
		<-c
	})
	park("deep", func(w *Waiter, ready func()) {
		c := make(chan job)
		w.on("chan", c)
		deep(40, c, ready)
	})
	park("labels", func(w *Waiter, ready func()) {
		c := make(chan job)
		w.on("chan", c)
		w.Labels = `{"stage":"parked","tenant":"video-a"}`
		pprof.Do(context.Background(), pprof.Labels("tenant", "video-a", "stage", "parked"), func(context.Context) {
			ready()
			<-c
		})
	})
}

// deep makes a stack that is longer than a page, with frames of 512 bytes.
//
//go:noinline
func deep(n int, c chan job, ready func()) int {
	var room [64]int
	room[n] = n
	if n == 0 {
		ready()
		<-c
	} else {
		room[0] = deep(n-1, c, ready)
	}
	return room[n/2]
}

func selects() {
	park("select", func(w *Waiter, ready func()) {
		first, second, third := make(chan job), make(chan job), make(chan int, 2)
		w.on("chan", first, second, third)
		w.Sends = []bool{false, true, false}
		ready()
		select {
		case <-first:
		case second <- job{1}:
		case <-third:
		}
	})
	park("select_nil", func(w *Waiter, ready func()) {
		var none chan job
		some := make(chan job)
		w.on("chan", none, some)
		w.Sends = []bool{false, false}
		ready()
		select {
		case <-none:
		case <-some:
		}
	})
	park("select_none", func(w *Waiter, ready func()) {
		ready()
		select {}
	})
	park("select_reflect", func(w *Waiter, ready func()) {
		var cases []reflect.SelectCase
		for i := 0; i < 12; i++ {
			c := make(chan job)
			dir, send := reflect.SelectRecv, reflect.Value{}
			if i < 3 {
				dir, send = reflect.SelectSend, reflect.ValueOf(job{i})
			}
			cases = append(cases, reflect.SelectCase{Dir: dir, Chan: reflect.ValueOf(c), Send: send})
			w.on("chan", c)
			w.Sends = append(w.Sends, dir == reflect.SelectSend)
		}
		ready()
		reflect.Select(cases)
	})
}

func locks() {
	park("mutex", func(w *Waiter, ready func()) {
		mu := new(sync.Mutex)
		w.on("mutex", mu)
		mu.Lock()
		ready()
		mu.Lock()
	})
	park("rwmutex_read", func(w *Waiter, ready func()) {
		rw := new(sync.RWMutex)
		w.on("rwmutex", rw)
		rw.Lock()
		ready()
		rw.RLock()
	})
	held := new(sync.RWMutex)
	held.RLock()
	park("rwmutex_write", func(w *Waiter, ready func()) {
		w.on("rwmutex", held)
		ready()
		held.Lock()
	})
	park("waitgroup", func(w *Waiter, ready func()) {
		group := new(sync.WaitGroup)
		w.on("waitgroup", group)
		group.Add(1)
		ready()
		group.Wait()
	})
	park("cond", func(w *Waiter, ready func()) {
		cond := sync.NewCond(new(sync.Mutex))
		w.on("cond", cond)
		cond.L.Lock()
		ready()
		cond.Wait()
	})
}

func others() {
	park("sleep", func(w *Waiter, ready func()) {
		w.Value = int64(time.Hour)
		ready()
		time.Sleep(time.Hour)
	})
	park("accept", func(w *Waiter, ready func()) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		w.Object, w.Value = "polldesc", 'r'
		ready()
		listener.Accept()
	})
	park("syscall", func(w *Waiter, ready func()) {
		var pipe [2]int
		if err := syscall.Pipe(pipe[:]); err != nil {
			panic(err)
		}
		runtime.LockOSThread() // so that the thread is still this one
		w.Tid = syscall.Gettid()
		ready()
		var buf [1]byte
		syscall.Read(pipe[0], buf[:])
	})
}

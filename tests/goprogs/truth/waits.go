package main

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"gotape.test/goprogs/internal/mono"
	"gotape.test/goprogs/internal/self"
)

// after runs wake in a goroutine of its own when d has passed, which is where the recorder must see the waker.
//
//go:noinline
func after(d time.Duration, w *Wait, wake func()) {
	w.WakeFunc = caller() + ".func1" // the closure given as wake
	go func() {
		w.WakerID = self.Goid()
		time.Sleep(d)
		wake()
	}()
}

// caller names the function two frames up.
func caller() string {
	pc, _, _, ok := runtime.Caller(2)
	if !ok {
		panic("no caller")
	}
	return runtime.FuncForPC(pc).Name()
}

// object notes what is waited for, channels or pointers; the address is what %p prints.
func object(w *Wait, objects ...any) {
	for _, o := range objects {
		w.Objects = append(w.Objects, fmt.Sprintf("%p", o))
	}
}

func about(w *Wait, class, elemType string, capacity int) {
	w.Func = caller()
	w.Class, w.ElemType, w.Cap = class, elemType, capacity
}

//go:noinline
func recvWait(w *Wait, d time.Duration) {
	c := make(chan job)
	about(w, "chan_recv", "main.job", 0)
	object(w, c)
	after(d, w, func() { c <- job{1} })
	w.BeforeNs = mono.Now()
	<-c
	w.AfterNs = mono.Now()
}

//go:noinline
func sendWait(w *Wait, d time.Duration) {
	c := make(chan *job)
	about(w, "chan_send", "*main.job", 0)
	object(w, c)
	after(d, w, func() { <-c })
	w.BeforeNs = mono.Now()
	c <- &job{2}
	w.AfterNs = mono.Now()
}

//go:noinline
func fullBufferWait(w *Wait, d time.Duration) {
	c := make(chan int, 3)
	for i := 0; i < cap(c); i++ {
		c <- i
	}
	about(w, "chan_send", "int", cap(c))
	object(w, c)
	after(d, w, func() { <-c })
	w.BeforeNs = mono.Now()
	c <- 3
	w.AfterNs = mono.Now()
}

//go:noinline
func closedWait(w *Wait, d time.Duration) {
	c := make(chan string, 2)
	about(w, "chan_recv", "string", cap(c))
	object(w, c)
	after(d, w, func() { close(c) })
	w.BeforeNs = mono.Now()
	<-c
	w.AfterNs = mono.Now()
}

// selectWait waits on a receive, a send and a receive; the last one comes true.
//
//go:noinline
func selectWait(w *Wait, d time.Duration) {
	first, second, third := make(chan job), make(chan job), make(chan job, 1)
	about(w, "select", "main.job", -1)
	object(w, first, second, third)
	after(d, w, func() { third <- job{3} })
	w.BeforeNs = mono.Now()
	select {
	case <-first:
	case second <- job{4}:
	case <-third:
	}
	w.AfterNs = mono.Now()
}

//go:noinline
func selectTimeoutWait(w *Wait, d time.Duration) {
	c := make(chan job)
	timer := time.NewTimer(d)
	about(w, "select", "", -1)
	object(w, c, timer.C)
	w.Waker = "timer"
	w.BeforeNs = mono.Now()
	select {
	case <-c:
	case <-timer.C:
	}
	w.AfterNs = mono.Now()
}

//go:noinline
func mutexWait(w *Wait, d time.Duration) {
	mu := new(sync.Mutex)
	about(w, "mutex", "", -1)
	object(w, mu)
	held := make(chan struct{})
	holdAndRelease(w, held, d, mu)
	<-held
	w.BeforeNs = mono.Now()
	mu.Lock()
	w.AfterNs = mono.Now()
	mu.Unlock()
}

//go:noinline
func rwReadWait(w *Wait, d time.Duration) {
	rw := new(sync.RWMutex)
	about(w, "rwmutex", "", -1)
	object(w, rw)
	held := make(chan struct{})
	holdAndRelease(w, held, d, rw)
	<-held
	w.BeforeNs = mono.Now()
	rw.RLock()
	w.AfterNs = mono.Now()
	rw.RUnlock()
}

//go:noinline
func rwWriteWait(w *Wait, d time.Duration) {
	rw := new(sync.RWMutex)
	about(w, "rwmutex", "", -1)
	object(w, rw)
	held := make(chan struct{})
	holdAndRelease(w, held, d, rw.RLocker())
	<-held
	w.BeforeNs = mono.Now()
	rw.Lock()
	w.AfterNs = mono.Now()
	rw.Unlock()
}

// holdAndRelease takes the lock in another goroutine, says so, and releases it when d has passed.
//
//go:noinline
func holdAndRelease(w *Wait, held chan<- struct{}, d time.Duration, lock sync.Locker) {
	w.WakeFunc = "main.holdAndRelease.func1"
	go func() {
		w.WakerID = self.Goid()
		lock.Lock()
		close(held)
		time.Sleep(d)
		lock.Unlock()
	}()
}

//go:noinline
func waitGroupWait(w *Wait, d time.Duration) {
	group := new(sync.WaitGroup)
	group.Add(1)
	about(w, "waitgroup", "", -1)
	object(w, group)
	after(d, w, func() { group.Done() })
	w.BeforeNs = mono.Now()
	group.Wait()
	w.AfterNs = mono.Now()
}

//go:noinline
func condWait(w *Wait, d time.Duration) {
	cond := sync.NewCond(new(sync.Mutex))
	about(w, "cond", "", -1)
	object(w, cond)
	cond.L.Lock()
	after(d, w, func() {
		cond.L.Lock() // passes on what the waker wrote; released first, so that the woken one never waits for it
		cond.L.Unlock()
		cond.Signal()
	})
	w.BeforeNs = mono.Now()
	cond.Wait()
	w.AfterNs = mono.Now()
	cond.L.Unlock()
}

//go:noinline
func sleepWait(w *Wait, d time.Duration) {
	about(w, "sleep", "", -1)
	w.Waker = "timer"
	w.BeforeNs = mono.Now()
	time.Sleep(d)
	w.AfterNs = mono.Now()
}

// netWait waits for a byte on a loopback connection. The object is the runtime's poll descriptor, whose address no
// program knows.
//
//go:noinline
func netWait(w *Wait, d time.Duration) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		fatal(err)
	}
	defer server.Close()
	about(w, "net", "", -1)
	w.Waker = "net"
	after(d, w, func() { client.Write([]byte{1}) })
	var buf [1]byte
	w.BeforeNs = mono.Now()
	if _, err := server.Read(buf[:]); err != nil {
		fatal(err)
	}
	w.AfterNs = mono.Now()
}

//go:noinline
func leakRecv(w *Wait, started chan<- struct{}) {
	c := make(chan *Wait)
	about(w, "chan_recv", "*main.Wait", 0)
	object(w, c)
	w.Goid = self.Goid()
	w.BeforeNs = mono.Now()
	close(started)
	<-c
}

//go:noinline
func leakNil(w *Wait, started chan<- struct{}) {
	var c chan job
	about(w, "chan_recv", "", -1)
	w.Goid = self.Goid()
	w.BeforeNs = mono.Now()
	close(started)
	<-c
}

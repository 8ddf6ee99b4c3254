// Detail does once or twice what the finer levels of a recording tell, and prints as JSON lines what it did: contexts,
// labels, stops of the world, changes of GOMAXPROCS, calls of a function, selects with many cases, a mutex in a variable
// and connections. With -hold it ends when standard input does.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"gotape.test/goprogs/internal/mono"
	"gotape.test/goprogs/internal/self"
)

type fact map[string]any

var (
	out   = json.NewEncoder(os.Stdout)
	outMu sync.Mutex
)

func tell(f fact) {
	outMu.Lock()
	defer outMu.Unlock()
	if err := out.Encode(f); err != nil {
		panic(err)
	}
}

const pause = 3 * time.Millisecond

// On a goroutine of its own, so that its events stand alone.
func apart(f func(goid int64)) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(self.Goid())
	}()
	<-done
}

func world(goid int64) {
	stop := func(reason string, f func()) {
		before := mono.Now()
		f()
		tell(fact{"kind": "stw", "goid": goid, "reason": reason, "before_ns": before, "after_ns": mono.Now()})
	}
	var stats runtime.MemStats
	for i := 0; i < 3; i++ {
		stop("read mem stats", func() { runtime.ReadMemStats(&stats) })
	}
	for i := 0; i < 2; i++ {
		before := mono.Now()
		runtime.GC()
		tell(fact{"kind": "gc", "goid": goid, "before_ns": before, "after_ns": mono.Now()})
	}
	start := runtime.GOMAXPROCS(0)
	for _, count := range []int{start + 3, start + 1, start} {
		before := runtime.GOMAXPROCS(0)
		stop("GOMAXPROCS", func() { runtime.GOMAXPROCS(count) })
		tell(fact{"kind": "gomaxprocs", "before": before, "count": count})
	}
}

// The address of what the recorder knows a context by.
func address(ctx context.Context) string {
	data := (*[2]unsafe.Pointer)(unsafe.Pointer(&ctx))[1]
	if timerHoldsPointer && reflect.TypeOf(ctx).String() == "*context.timerCtx" {
		data = *(*unsafe.Pointer)(data)
	}
	return fmt.Sprintf("%#x", data)
}

func channel(c any) string {
	return fmt.Sprintf("%#x", reflect.ValueOf(c).Pointer())
}

type key struct{}

func contexts(goid int64) {
	made := func(ctx context.Context, parent string, deadlineFrom, deadlineTo int64) {
		tell(fact{"kind": "context", "goid": goid, "address": address(ctx), "parent": parent, "from_ns": deadlineFrom, "to_ns": deadlineTo})
	}
	ended := func(ctx context.Context, goid int64, cause, err string, done bool) {
		f := fact{"kind": "context_end", "goid": goid, "address": address(ctx), "cause": cause, "error": err, "done": "0x0"}
		if done {
			f["done"] = channel(ctx.Done())
		}
		tell(f)
	}
	root, cancelRoot := context.WithCancel(context.Background())
	made(root, "0x0", 0, 0)
	wrapped := context.WithValue(context.WithValue(context.WithValue(root, key{}, 1), key{}, 2), key{}, 3)
	before := mono.Now()
	late, cancelLate := context.WithTimeout(wrapped, time.Hour)
	made(late, address(root), before+int64(time.Hour), mono.Now()+int64(time.Hour))
	before = mono.Now()
	short, cancelShort := context.WithTimeout(late, 5*time.Millisecond)
	made(short, address(late), before+5e6, mono.Now()+5e6)
	// a time without a reading of the monotonic clock
	before = mono.Now()
	wall, cancelWall := context.WithDeadline(root, time.Now().Round(0).Add(time.Minute))
	made(wall, address(root), before+60e9-5e6, mono.Now()+60e9+5e6)
	<-short.Done()
	time.Sleep(pause)
	ended(short, -1, "deadline", "", true)
	cancelShort() // has ended already
	cancelWall()
	ended(wall, goid, "canceled", "", false)
	child, cancelChild := context.WithCancel(late)
	made(child, address(late), 0, 0)
	_ = child.Done()
	cancelRoot() // and all below it
	ended(root, goid, "canceled", "", true)
	ended(late, goid, "canceled", "", true)
	ended(child, goid, "canceled", "", true)
	cancelChild()
	cancelLate()
	withCause(made, ended, goid)
}

func labels(goid int64) {
	set := func(values fact) {
		time.Sleep(pause)
		tell(fact{"kind": "labels", "goid": goid, "labels": values})
	}
	child := func(values fact) {
		apart(func(goid int64) {
			time.Sleep(pause)
			tell(fact{"kind": "labels", "goid": goid, "labels": values})
		})
	}
	time.Sleep(pause)
	pprof.Do(context.Background(), pprof.Labels("tenant_id", "video-a", "quote", "a\"b"), func(ctx context.Context) {
		set(fact{"tenant_id": "video-a", "quote": "a\"b"})
		child(fact{"tenant_id": "video-a", "quote": "a\"b"})
		pprof.Do(ctx, pprof.Labels("order", "17"), func(context.Context) {
			set(fact{"tenant_id": "video-a", "quote": "a\"b", "order": "17"})
		})
		set(fact{"tenant_id": "video-a", "quote": "a\"b"})
	})
	set(nil)
}

type order struct {
	pad, id int
}

//go:noinline
func handleOrder(o *order) (result int) {
	if o.id%2 == 0 {
		return o.id
	}
	time.Sleep(pause)
	if o.id == 5 {
		defer func() { recover() }()
		panic("five")
	}
	return len(os.Args[0]) + o.id
}

func spans(goid int64) {
	for i := 1; i <= 6; i++ {
		o := &order{id: i}
		before := mono.Now()
		handleOrder(o)
		tell(fact{"kind": "span", "goid": goid, "id": i, "before_ns": before, "after_ns": mono.Now(), "panicked": i == 5})
	}
}

func manyCases(goid int64) {
	in := make([]chan int, 14)
	to := make([]chan int, 6)
	var objects []string
	for i := range to {
		to[i] = make(chan int)
		objects = append(objects, channel(to[i]))
	}
	for i := range in {
		in[i] = make(chan int)
		objects = append(objects, channel(in[i]))
	}
	tell(fact{"kind": "select", "goid": goid, "sends": len(to), "objects": objects, "fired": channel(in[11])})
	go func() {
		time.Sleep(20 * pause)
		in[11] <- 1
	}()
	select {
	case to[0] <- 0:
	case to[1] <- 0:
	case to[2] <- 0:
	case to[3] <- 0:
	case to[4] <- 0:
	case to[5] <- 0:
	case <-in[0]:
	case <-in[1]:
	case <-in[2]:
	case <-in[3]:
	case <-in[4]:
	case <-in[5]:
	case <-in[6]:
	case <-in[7]:
	case <-in[8]:
	case <-in[9]:
	case <-in[10]:
	case <-in[11]:
	case <-in[12]:
	case <-in[13]:
	}
}

func reflected(goid int64) {
	var cases []reflect.SelectCase
	var sends, receives []string
	var fired chan int
	for i := 0; i < 11; i++ {
		c := make(chan int)
		if i%3 == 0 {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectSend, Chan: reflect.ValueOf(c), Send: reflect.ValueOf(i)})
			sends = append(sends, channel(c))
		} else {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(c)})
			receives = append(receives, channel(c))
			fired = c
		}
	}
	tell(fact{"kind": "select", "goid": goid, "sends": len(sends), "objects": append(sends, receives...), "fired": channel(fired)})
	go func() {
		time.Sleep(20 * pause)
		close(fired)
	}()
	reflect.Select(cases)
}

var (
	lockOfAll sync.Mutex
	registry  struct {
		count int
		mu    sync.RWMutex
	}
)

func variables(goid int64) {
	lockOfAll.Lock()
	registry.mu.Lock()
	var group sync.WaitGroup
	group.Add(2)
	go func() {
		lockOfAll.Lock()
		lockOfAll.Unlock()
		group.Done()
	}()
	go func() {
		registry.mu.RLock()
		registry.mu.RUnlock()
		group.Done()
	}()
	time.Sleep(5 * pause)
	lockOfAll.Unlock()
	registry.mu.Unlock()
	group.Wait()
	tell(fact{"kind": "variable", "address": fmt.Sprintf("%p", &lockOfAll), "name": "main.lockOfAll"})
	tell(fact{"kind": "variable", "address": fmt.Sprintf("%p", &registry.mu), "name": fmt.Sprintf("main.registry+%#x", unsafe.Offsetof(registry.mu))})
}

func connections(goid int64) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	accepted := make(chan net.Conn)
	go func() {
		c, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		accepted <- c
	}()
	time.Sleep(20 * pause)
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	server := <-accepted
	go func() {
		time.Sleep(20 * pause)
		client.Write([]byte("x"))
	}()
	io.ReadFull(server, make([]byte, 1))
	fd := -1
	raw, err := server.(syscall.Conn).SyscallConn()
	if err == nil {
		err = raw.Control(func(number uintptr) { fd = int(number) })
	}
	if err != nil {
		panic(err)
	}
	tell(fact{"kind": "net", "goid": goid, "fd": fd, "local": server.LocalAddr().String(), "remote": server.RemoteAddr().String()})
	client.Close()
	server.Close()
	listener.Close()
}

func main() {
	hold := flag.Bool("hold", false, "end when standard input does")
	flag.Parse()
	if *hold { // a line to begin
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			panic(err)
		}
	}
	for _, part := range []func(int64){contexts, labels, spans, manyCases, reflected, variables, connections, world} {
		apart(part)
	}
	time.Sleep(20 * pause) // the recorder looks at objects a little later
	tell(fact{"kind": "done"})
	if *hold {
		io.Copy(io.Discard, os.Stdin)
	}
}

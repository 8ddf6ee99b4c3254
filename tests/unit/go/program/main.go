// The subject of the unit tests in tests/unit/go: it prints what the Go runtime knows about its own addresses, channels
// and selects, and the tests compare that with what gotape finds out from the outside.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"example.com/gotape/dep"
)

type Job struct {
	ID   int
	Name string
}

type worker[T any] struct {
	item T
}

type runner interface {
	run(report func())
}

func (w worker[T]) run(report func()) {
	through(report)
}

//go:noinline
func keep(report func()) {
	report()
}

func through(report func()) {
	middle(report)
}

func middle(report func()) {
	keep(report)
}

func generic[T any](value T, report func()) T {
	middle(report)
	return value
}

func printStack() {
	pcs := make([]uintptr, 64)
	n := runtime.Callers(0, pcs)
	for _, pc := range pcs[:n] {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		fmt.Printf("pc %#x\t%d\t%s\t%s\n", pc, frame.Line, frame.Function, frame.File)
	}
	fmt.Println("end")
}

func frames() {
	middle(printStack)
	through(func() { printStack() })
	generic("x", printStack)
	generic(Job{}, func() { generic(1, printStack) })
	var r runner = worker[Job]{}
	r.run(printStack)
	r = &worker[int]{}
	r.run(printStack)
	dep.Twice(printStack)
	defer printStack()
	defer func() {
		_ = recover()
		printStack()
	}()
	var none *Job
	fmt.Println(none.ID)
}

// sweep asks the runtime about every step-th address of the text.
func sweep(step int) {
	maps, _ := os.ReadFile("/proc/self/maps")
	var low, high uintptr
	for _, line := range strings.Split(string(maps), "\n") {
		fields := strings.Fields(line)
		here := reflect.ValueOf(sweep).Pointer()
		if len(fields) < 6 || fields[1] != "r-xp" {
			continue
		}
		ends := strings.Split(fields[0], "-")
		a, _ := strconv.ParseUint(ends[0], 16, 64)
		b, _ := strconv.ParseUint(ends[1], 16, 64)
		if uintptr(a) <= here && here < uintptr(b) {
			low, high = uintptr(a), uintptr(b)
		}
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for pc := low; pc < high; pc += uintptr(step) {
		frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		if frame.Function != "" {
			fmt.Fprintf(out, "pc %#x\t%d\t%s\t%s\n", pc, frame.Line, frame.Function, frame.File)
		}
	}
}

//go:noinline
func selectS0R2(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

//go:noinline
func selectS2R0(a, b chan int) {
	select {
	case a <- 1:
	case b <- 2:
	}
}

// growStack makes the goroutine's stack so large that it need not move later.
//
//go:noinline
func growStack(n int) byte {
	var large [16 << 10]byte
	large[n] = 1
	return large[n/2]
}

//go:noinline
func selectS1R2(c0, c1, c2 chan int) {
	mark := 0
	growStack(100)
	fmt.Printf("select %#x %#x %#x %#x\n", uintptr(unsafe.Pointer(&mark)), address(c0), address(c1), address(c2))
	select {
	case <-c0:
	case c1 <- 1:
	case <-c2:
	}
}

//go:noinline
func selectS1R1Loop(a chan int, b chan string, n int) (total int) {
	for i := 0; i < n; i++ {
		select {
		case a <- i:
			total += i
		case s, ok := <-b:
			if !ok {
				return total
			}
			total += len(s)
		}
	}
	return total
}

//go:noinline
func selectS0R12(c [12]chan Job) int {
	select {
	case <-c[0]:
		return 0
	case <-c[1]:
		return 1
	case <-c[2]:
		return 2
	case <-c[3]:
		return 3
	case <-c[4]:
		return 4
	case <-c[5]:
		return 5
	case <-c[6]:
		return 6
	case <-c[7]:
		return 7
	case <-c[8]:
		return 8
	case <-c[9]:
		return 9
	case <-c[10]:
		return 10
	case <-c[11]:
		return 11
	}
}

//go:noinline
func selectS2R1Default(a, b chan int, c chan func()) bool {
	select {
	case a <- 1:
	case b <- 2:
	case f := <-c:
		f()
	default:
		return false
	}
	return true
}

func address(c any) uintptr {
	return reflect.ValueOf(c).Pointer()
}

func show(c any) {
	v := reflect.ValueOf(c)
	isTimer := 0
	if v.Type().Elem() == reflect.TypeOf(time.Time{}) {
		isTimer = 1
	}
	// as a timer's channel says it itself only from Go 1.23 on, and has no fixed capacity then
	fmt.Printf("chan %#x %d %d %s\n", v.Pointer(), v.Cap(), isTimer, v.Type().Elem())
}

func chans() {
	all := []any{
		make(chan int), make(chan int, 7), make(chan Job, 3), make(chan *Job), make(chan struct{}),
		make(chan error, 1), make(chan any, 1), make(chan func()), make(chan chan int, 2), make(chan []byte),
		make(chan map[string]int), make(chan worker[Job], 1), make(chan [3]string, 1), make(chan *bufio.Reader),
		make(chan struct {
			A int
			B string
		}, 1),
	}
	timer := time.NewTimer(time.Hour)
	for _, c := range all {
		show(c)
	}
	show(timer.C)
	made := reflect.MakeChan(reflect.ChanOf(reflect.BothDir, reflect.StructOf([]reflect.StructField{
		{Name: "X", Type: reflect.TypeOf(Job{})}, {Name: "Y", Type: reflect.TypeOf(0)}})), 5)
	fmt.Printf("made %#x\n", made.Pointer())
	c0, c1, c2 := make(chan int), make(chan int), make(chan int)
	go selectS1R2(c0, c1, c2)
	time.Sleep(50 * time.Millisecond)
	fmt.Println("gomaxprocs", runtime.GOMAXPROCS(0))
	fmt.Println("end")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	runtime.KeepAlive(all)
	runtime.KeepAlive(timer)
	runtime.KeepAlive(made)
	runtime.KeepAlive([]any{c0, c1, c2})
}

func main() {
	// where a function is now and where the file has it tell how far a position-independent program was moved
	fmt.Printf("main %#x\n", reflect.ValueOf(main).Pointer())
	switch os.Args[1] {
	case "frames":
		frames()
	case "sweep":
		step, _ := strconv.Atoi(os.Args[2])
		sweep(step)
	case "chans":
		chans()
	case "selects":
		a, b := make(chan int, 1), make(chan int, 1)
		selectS2R0(a, b)
		selectS0R2(a, b)
		selectS1R1Loop(a, nil, 1)
		selectS2R1Default(a, b, nil)
		var c [12]chan Job
		c[3] = make(chan Job, 1)
		c[3] <- Job{}
		selectS0R12(c)
	}
}

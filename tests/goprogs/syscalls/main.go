// Syscalls lets goroutines sleep in system calls of their own, one after the other, and measures each sleep itself: who
// slept, in which function, in which system call, and the clock (CLOCK_MONOTONIC) before and after. It prints what it
// knows as JSON lines. Meanwhile other threads sleep in the runtime: idle ones, the one of a locked goroutine that waits
// for a channel, and that of os/signal.
//
//	syscalls [-rounds N] [-file PATH]
package main

import (
	"encoding/json"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"gotape.test/goprogs/internal/mono"
	"gotape.test/goprogs/internal/self"
)

// A Call is one system call as seen by the goroutine that made it.
type Call struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"` // the kernel's
	Func     string `json:"func"`
	Goid     int64  `json:"goid"`
	BeforeNs int64  `json:"before_ns"`
	AfterNs  int64  `json:"after_ns"`
	AskedNs  int64  `json:"asked_ns"` // it sleeps at least so long; 0: as long as it likes
}

const pause = 30 * time.Millisecond

// An operation prepares, and returns what is to be measured.
type operation struct {
	name, function string
	asked          time.Duration
	prepare        func() (call func())
}

var path = flag.String("file", "", "a file to write to; default: one in the folder for temporary files")

var operations = []operation{
	{"read", "main.readPipe", pause, readPipe},
	{"write", "main.writePipe", pause, writePipe},
	{"flock", "main.lockFile", pause, lockFile},
	{"nanosleep", "main.sleep", pause, sleep},
	{"fsync", "main.syncFile", 0, syncFile},
	{"wait4", "main.waitForChild", pause, waitForChild},
	{"accept4", "main.acceptOne", pause, acceptOne},
	{"connect", "main.connectToFull", pause, connectToFull},
	{"epoll_wait", "main.pollNothing", pause, pollNothing},
	{"futex", "main.waitOnWord", pause, waitOnWord},
	{"ppoll", "main.pollByNumber", pause, pollByNumber},
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// after runs something when the measured call is asleep.
func after(f func()) {
	go func() {
		time.Sleep(pause)
		f()
	}()
}

func pipe() (r, w int) {
	var ends [2]int
	must(syscall.Pipe2(ends[:], syscall.O_CLOEXEC))
	return ends[0], ends[1]
}

func readPipe() func() {
	r, w := pipe()
	return func() {
		after(func() { syscall.Write(w, []byte{1}) })
		var b [1]byte
		syscall.Read(r, b[:])
	}
}

func writePipe() func() {
	r, w := pipe()
	full := make([]byte, 1<<16)
	_, err := syscall.Write(w, full)
	must(err)
	return func() {
		after(func() { syscall.Read(r, full) })
		syscall.Write(w, make([]byte, 1))
	}
}

func openFile() int {
	fd, err := syscall.Open(*path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	must(err)
	return fd
}

func lockFile() func() {
	other, mine := openFile(), openFile()
	must(syscall.Flock(other, syscall.LOCK_EX))
	return func() {
		after(func() { syscall.Flock(other, syscall.LOCK_UN) })
		syscall.Flock(mine, syscall.LOCK_EX)
		syscall.Close(mine)
	}
}

func sleep() func() {
	return func() {
		length := syscall.NsecToTimespec(pause.Nanoseconds())
		syscall.Nanosleep(&length, nil)
	}
}

func syncFile() func() {
	fd := openFile()
	_, err := syscall.Write(fd, make([]byte, 1<<20))
	must(err)
	return func() { syscall.Fsync(fd) }
}

func waitForChild() func() {
	return func() {
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "0.05"}, nil)
		must(err)
		syscall.Wait4(pid, nil, 0, nil)
	}
}

func listen() (fd int, name syscall.Sockaddr) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(err)
	must(syscall.Bind(fd, &syscall.SockaddrUnix{})) // a name of the kernel's choice
	must(syscall.Listen(fd, 0))
	name, err = syscall.Getsockname(fd)
	must(err)
	return fd, name
}

func connect(name syscall.Sockaddr) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(err)
	syscall.Connect(fd, name)
}

func acceptOne() func() {
	fd, name := listen()
	return func() {
		after(func() { connect(name) })
		syscall.Accept4(fd, syscall.SOCK_CLOEXEC)
	}
}

func connectToFull() func() {
	fd, name := listen()
	connect(name)
	return func() {
		after(func() { syscall.Accept4(fd, syscall.SOCK_CLOEXEC) })
		connect(name)
	}
}

func pollNothing() func() {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	must(err)
	return func() {
		var events [1]syscall.EpollEvent
		syscall.EpollWait(fd, events[:], int(pause.Milliseconds()))
	}
}

// The functions of package syscall for these two say only that they make a system call.

func waitOnWord() func() {
	return func() {
		const futexWaitPrivate = 128
		word := new(uint32)
		length := syscall.NsecToTimespec(pause.Nanoseconds())
		syscall.Syscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWaitPrivate, 0,
			uintptr(unsafe.Pointer(&length)), 0, 0)
	}
}

func pollByNumber() func() {
	return func() {
		length := syscall.NsecToTimespec(pause.Nanoseconds())
		syscall.Syscall6(syscall.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&length)), 0, 0, 0)
	}
}

func measure(op operation, report chan<- Call) {
	call := op.prepare()
	c := Call{Kind: "call", Name: op.name, Func: op.function, Goid: self.Goid(), AskedNs: op.asked.Nanoseconds()}
	c.BeforeNs = mono.Now()
	call()
	c.AfterNs = mono.Now()
	report <- c
}

func main() {
	rounds := flag.Int("rounds", 1, "how often each call is made")
	flag.Parse()
	if *path == "" {
		folder, err := os.MkdirTemp("", "syscalls")
		must(err)
		defer os.RemoveAll(folder)
		*path = filepath.Join(folder, "file")
	}
	out := json.NewEncoder(os.Stdout)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	never := make(chan int)
	go func() {
		runtime.LockOSThread()
		<-never
	}()

	report := make(chan Call)
	for round := 0; round < *rounds; round++ {
		for _, op := range operations {
			go measure(op, report)
			must(out.Encode(<-report))
		}
	}
}

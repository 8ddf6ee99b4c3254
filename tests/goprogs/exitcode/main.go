// Exitcode ends in the way it is told: by a status, by a signal that it sends to itself, or by a panic.
//
//	exitcode [-code N] [-signal N] [-panic] [-after 50ms]
package main

import (
	"flag"
	"os"
	"syscall"
	"time"
)

func main() {
	code := flag.Int("code", 0, "exit status")
	signal := flag.Int("signal", 0, "signal number to die by")
	panics := flag.Bool("panic", false, "panic")
	after := flag.Duration("after", 50*time.Millisecond, "live that long first")
	flag.Parse()
	time.Sleep(*after)
	if *signal != 0 {
		syscall.Kill(os.Getpid(), syscall.Signal(*signal))
		time.Sleep(10 * time.Second) // the signal is on its way
	}
	if *panics {
		panic("as told")
	}
	os.Exit(*code)
}

// Package mono reads CLOCK_MONOTONIC, the clock in which a trace is written.
package mono

import (
	"syscall"
	"unsafe"
)

const clockMonotonic = 1

// Now returns CLOCK_MONOTONIC in nanoseconds. It is a raw system call: the scheduler is not told, so reading the clock
// never gives the processor away and adds no event of its own.
func Now() int64 {
	var ts syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		panic(errno)
	}
	return ts.Nano()
}

// Package self lets a goroutine and a process say who they are.
package self

import (
	"bytes"
	"os"
	"runtime"
	"sort"
	"strconv"
)

// Goid returns the number of the calling goroutine, as tracebacks print it.
func Goid() int64 {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	goid, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		panic(err)
	}
	return goid
}

// Threads returns the thread ids of the process at this moment.
func Threads() []int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		panic(err)
	}
	var tids []int
	for _, entry := range entries {
		if tid, err := strconv.Atoi(entry.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	sort.Ints(tids)
	return tids
}

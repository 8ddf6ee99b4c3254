// Command hotchan does little but hand values from goroutine to goroutine. Built with the profile of its own run
// (default.pgo), some Go versions inline the runtime's gopark into the functions of channels.
//
//	hotchan [-duration T] [-profile FILE]
package main

import (
	"flag"
	"log"
	"os"
	"runtime/pprof"
	"sync"
	"time"
)

// echo sends back what it receives.
func echo(in <-chan int, out chan<- int) {
	for value := range in {
		out <- value
	}
	close(out)
}

// crowd lets many goroutines meet at one lock.
func crowd(total *int) {
	var lock sync.Mutex
	var all sync.WaitGroup
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			lock.Lock()
			*total++
			lock.Unlock()
		}()
	}
	all.Wait()
}

func main() {
	duration := flag.Duration("duration", time.Second, "how long")
	profile := flag.String("profile", "", "write a CPU profile to this file")
	flag.Parse()
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	there, back := make(chan int), make(chan int)
	go echo(there, back)
	rounds := 0
	for end := time.Now().Add(*duration); time.Now().Before(end); rounds++ {
		for i := 0; i < 1000; i++ {
			there <- i
			<-back
		}
		crowd(&rounds)
		select {
		case there <- rounds:
			<-back
		case <-time.After(time.Minute):
		}
	}
	close(there)
	<-back
}

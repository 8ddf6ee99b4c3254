// Hello is an HTTP service with next to no work a request: the worst case for a recorder, since nearly all that it does is
// what is recorded. The same program is its client, in a process of its own. It prints where it listens, or with -load
// what it measured as one line of JSON.
//
//	hello [-listen 127.0.0.1:0] [-work 500us | -steps N] [-gotrace FILE]
//	hello -load http://127.0.0.1:8080 [-connections 16] [-rate N] [-duration 5s]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/trace"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on; port 0 picks a free one")
	work := flag.Duration("work", 0, "processor time of each request")
	steps := flag.Int("steps", 0, "work of each request in steps of fixed length instead, the same in each run")
	goTrace := flag.String("gotrace", "", "write Go's own trace there, until the end")
	url := flag.String("load", "", "be the client of the service at this URL")
	connections := flag.Int("connections", 16, "connections of the client, each with one request at a time")
	rate := flag.Float64("rate", 0, "requests a second of all connections together, 0 for no limit")
	duration := flag.Duration("duration", 5*time.Second, "how long the client goes on")
	flag.Parse()

	var err error
	if *url != "" {
		err = load(*url, *connections, *rate, *duration)
	} else {
		if *steps == 0 && *work > 0 {
			length := step()
			*steps = int((*work + length - 1) / length)
		}
		err = serve(*listen, *steps, *goTrace)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func serve(address string, steps int, goTrace string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if goTrace != "" {
		file, err := os.Create(goTrace)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := trace.Start(file); err != nil {
			return err
		}
		defer trace.Stop()
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < steps; i++ {
			mix()
		}
		w.Write([]byte("hello\n"))
	})}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("hello (pid %d) listens on http://%s\n", os.Getpid(), listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// step is how long a piece of work takes that does not depend on the clock, measured at the start.
func step() time.Duration {
	best := time.Hour
	for i := 0; i < 20; i++ {
		begin := time.Now()
		mix()
		best = min(best, time.Since(begin))
	}
	return best
}

var sink uint64

func mix() {
	x := uint64(1)
	for i := 0; i < 20000; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 0 {
		sink = x
	}
}

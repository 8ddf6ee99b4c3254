// Orders is a small shop service, the example that gotape's demonstration records. An HTTP handler puts each order into a
// bounded queue, a pool of workers takes them out, looks prices up behind a cache, and hands an invoice to one ledger,
// which writes them down slowly. When more orders come in than the ledger keeps up with, the queue fills, handlers
// block on it, and some give up: the kind of trouble in which one wants to know who waits for whom.
//
//	orders [-listen 127.0.0.1:8080] [-workers 4] [-queue 8] [-ledger 3ms] [-gotrace FILE]
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
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on; port 0 picks a free one")
	workers := flag.Int("workers", 4, "workers that take orders from the queue")
	queue := flag.Int("queue", 8, "orders that may wait in the queue")
	ledger := flag.Duration("ledger", 3*time.Millisecond, "time that the ledger takes to write one invoice")
	goTrace := flag.String("gotrace", "", "write Go's own trace there, until the end")
	flag.Parse()

	if *goTrace != "" {
		stop, err := beginTrace(*goTrace)
		if err != nil {
			fmt.Fprintln(os.Stderr, "orders:", err)
			os.Exit(1)
		}
		defer stop()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, newShop(*workers, *queue, *ledger)); err != nil {
		fmt.Fprintln(os.Stderr, "orders:", err)
		os.Exit(1)
	}
}

// beginTrace starts Go's own tracer; the function that it returns stops it.
func beginTrace(path string) (func(), error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := trace.Start(file); err != nil {
		file.Close()
		return nil, err
	}
	return func() {
		trace.Stop()
		file.Close()
	}, nil
}

// serve answers requests until the context ends, then lets what is in flight finish.
func serve(ctx context.Context, address string, shop *shop) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/order", shop.handleOrder)
	mux.HandleFunc("/stats", shop.handleStats)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}

	shop.start()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("orders (pid %d) listens on http://%s\n", os.Getpid(), listener.Addr())

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	err = server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		server.Close()
	}
	shop.stop()
	return nil
}

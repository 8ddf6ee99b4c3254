package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a customer waits for an answer.
const patience = 150 * time.Millisecond

// An Order travels from the handler through the queue to a worker; the answer comes back on its own channel.
type Order struct {
	Number   int64
	Item     string
	Quantity int
	done     chan Receipt
}

type Receipt struct {
	Number int64
	Cents  int
}

// An Invoice is what the ledger writes down.
type Invoice struct {
	Receipt
	Item string
}

type shop struct {
	queue    chan Order
	invoices chan Invoice
	workers  int
	delay    time.Duration
	prices   priceList
	working  sync.WaitGroup
	writing  sync.WaitGroup

	numbers           atomic.Int64
	served, abandoned atomic.Int64
}

func newShop(workers, queue int, delay time.Duration) *shop {
	return &shop{
		queue:    make(chan Order, queue),
		invoices: make(chan Invoice, 2),
		workers:  workers,
		delay:    delay,
		prices:   priceList{cents: map[string]int{}},
	}
}

func (s *shop) start() {
	for i := 0; i < s.workers; i++ {
		s.working.Add(1)
		go s.worker()
	}
	s.writing.Add(1)
	go s.ledger()
}

// stop ends the workers and then the ledger. No handler may be running any more.
func (s *shop) stop() {
	close(s.queue)
	s.working.Wait()
	close(s.invoices)
	s.writing.Wait()
}

func (s *shop) handleOrder(w http.ResponseWriter, r *http.Request) {
	quantity, err := strconv.Atoi(r.FormValue("quantity"))
	if err != nil || quantity < 1 {
		http.Error(w, "quantity must be a positive number", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	order := Order{Number: s.numbers.Add(1), Item: r.FormValue("item"), Quantity: quantity, done: make(chan Receipt, 1)}
	if err := s.enqueue(ctx, order); err != nil {
		s.abandoned.Add(1)
		http.Error(w, "too busy: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	select {
	case receipt := <-order.done:
		s.served.Add(1)
		fmt.Fprintf(w, "order %d: %d.%02d\n", receipt.Number, receipt.Cents/100, receipt.Cents%100)
	case <-ctx.Done():
		s.abandoned.Add(1)
		http.Error(w, "too slow: "+ctx.Err().Error(), http.StatusServiceUnavailable)
	}
}

// enqueue waits for a place in the queue as long as the customer does.
func (s *shop) enqueue(ctx context.Context, order Order) error {
	select {
	case s.queue <- order:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *shop) handleStats(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "served %d abandoned %d queued %d\n", s.served.Load(), s.abandoned.Load(), len(s.queue))
}

func (s *shop) worker() {
	defer s.working.Done()
	for order := range s.queue {
		s.fulfil(order)
	}
}

// fulfil prices the order and gets it into the ledger before the customer hears of it.
func (s *shop) fulfil(order Order) {
	receipt := Receipt{Number: order.Number, Cents: s.prices.of(order.Item) * order.Quantity}
	s.invoices <- Invoice{Receipt: receipt, Item: order.Item}
	order.done <- receipt
}

// ledger is the slow consumer: one goroutine for all invoices, and every one takes its time.
func (s *shop) ledger() {
	defer s.writing.Done()
	var cents int
	for invoice := range s.invoices {
		cents += invoice.Cents
		if s.delay > 0 {
			time.Sleep(s.delay)
		}
	}
}

// priceList caches prices. A miss asks the "database" while it holds the lock, so that everybody else waits as well.
type priceList struct {
	mu      sync.Mutex
	cents   map[string]int
	lookups int
}

func (p *priceList) of(item string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lookups++; p.lookups%64 == 0 {
		p.cents = map[string]int{} // prices are good for a while only
	}
	cents, ok := p.cents[item]
	if !ok {
		time.Sleep(2 * time.Millisecond)
		cents = 100 + 7*len(item)
		p.cents[item] = cents
	}
	return cents
}

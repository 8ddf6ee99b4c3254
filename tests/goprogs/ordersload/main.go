// Ordersload sends orders to the example service over loopback: a number of customers, each of whom orders again as soon
// as it has its answer, or at a given rate altogether. Bounded in time. Prints one line, or JSON with -json.
//
//	ordersload -url http://127.0.0.1:8080 [-customers 24] [-rate N] [-duration 5s] [-json]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"time"
)

type result struct {
	Requests  int     `json:"requests"`
	Refused   int     `json:"refused"`
	Failed    int     `json:"failed"`
	PerSecond float64 `json:"requests_per_second"`
	MedianMs  float64 `json:"median_ms"`
	P99Ms     float64 `json:"p99_ms"`
}

var items = []string{"apple", "pear", "quince", "medlar", "cloudberry"}

func main() {
	url := flag.String("url", "http://127.0.0.1:8080", "address of the service")
	customers := flag.Int("customers", 24, "customers at a time")
	rate := flag.Float64("rate", 0, "orders a second of all customers together, 0 for no limit")
	duration := flag.Duration("duration", 5*time.Second, "how long")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	if !strings.HasPrefix(*url, "http://127.0.0.1:") {
		fmt.Fprintln(os.Stderr, "ordersload: only loopback addresses are loaded")
		os.Exit(2)
	}

	transport := &http.Transport{MaxIdleConnsPerHost: *customers}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	begin := time.Now()
	var mu sync.Mutex
	var total result
	var times []time.Duration
	var group sync.WaitGroup
	for i := 0; i < *customers; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			one, took := order(client, *url, i, begin.Add(*duration), *rate/float64(*customers))
			mu.Lock()
			defer mu.Unlock()
			total.Requests += one.Requests
			total.Refused += one.Refused
			total.Failed += one.Failed
			times = append(times, took...)
		}(i)
	}
	group.Wait()

	total.PerSecond = float64(total.Requests) / time.Since(begin).Seconds()
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	if len(times) > 0 {
		total.MedianMs = times[len(times)/2].Seconds() * 1e3
		total.P99Ms = times[len(times)*99/100].Seconds() * 1e3
	}
	if *asJSON {
		json.NewEncoder(os.Stdout).Encode(total)
	} else {
		fmt.Printf("%d orders, %.0f a second, %d refused, median %.1f ms, 99%% within %.1f ms\n", total.Requests,
			total.PerSecond, total.Refused, total.MedianMs, total.P99Ms)
	}
	if total.Failed > 0 || total.Requests == 0 {
		fmt.Fprintf(os.Stderr, "ordersload: %d requests failed\n", total.Failed)
		os.Exit(1)
	}
}

// order plays one customer until the end; perSecond 0 means without a pause.
func order(client *http.Client, url string, seed int, end time.Time, perSecond float64) (result, []time.Duration) {
	var r result
	var times []time.Duration
	next := time.Now()
	for n := seed; ; n++ {
		if perSecond > 0 {
			time.Sleep(time.Until(next))
			next = next.Add(time.Duration(float64(time.Second) / perSecond))
		}
		begin := time.Now()
		if begin.After(end) {
			return r, times
		}
		response, err := client.Post(fmt.Sprintf("%s/order?item=%s&quantity=%d", url, items[n%len(items)], n%3+1), "", nil)
		r.Requests++
		if err != nil {
			r.Failed++
			continue
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		times = append(times, time.Since(begin))
		if response.StatusCode == http.StatusServiceUnavailable {
			r.Refused++
		} else if response.StatusCode != http.StatusOK {
			r.Failed++
		}
	}
}

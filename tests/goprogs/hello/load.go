package main

import (
	"encoding/json"
	"errors"
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
	Failed    int     `json:"failed"`
	PerSecond float64 `json:"requests_per_second"`
	MedianMs  float64 `json:"median_ms"`
	P99Ms     float64 `json:"p99_ms"`
}

// load keeps the connections busy for a while, and prints what it saw. With a rate, each request has its moment, and a
// late answer delays the measurement of none: times count from the moment at which the request was due.
func load(url string, connections int, rate float64, duration time.Duration) error {
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		return errors.New("only loopback addresses are loaded")
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true},
		Timeout: 10 * time.Second}
	begin := time.Now()
	var mu sync.Mutex
	var total result
	var times []time.Duration
	var group sync.WaitGroup
	for i := 0; i < connections; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			failed, took := requests(client, url, begin, i, connections, rate, duration)
			mu.Lock()
			defer mu.Unlock()
			total.Failed += failed
			times = append(times, took...)
		}(i)
	}
	group.Wait()

	total.Requests = len(times)
	total.PerSecond = float64(total.Requests) / time.Since(begin).Seconds()
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	if len(times) > 0 {
		total.MedianMs = times[len(times)/2].Seconds() * 1e3
		total.P99Ms = times[len(times)*99/100].Seconds() * 1e3
	}
	if err := json.NewEncoder(os.Stdout).Encode(total); err != nil {
		return err
	}
	if total.Failed > 0 || total.Requests == 0 {
		return errors.New("requests failed")
	}
	return nil
}

func requests(client *http.Client, url string, begin time.Time, first, connections int, rate float64, duration time.Duration) (failed int,
	took []time.Duration) {
	for n := first; ; n += connections {
		due := time.Now()
		if rate > 0 {
			due = begin.Add(time.Duration(float64(n) / rate * 1e9))
			time.Sleep(time.Until(due))
		}
		if due.Sub(begin) >= duration {
			return failed, took
		}
		if err := request(client, url); err != nil {
			failed++
			continue
		}
		took = append(took, time.Since(due))
	}
}

func request(client *http.Client, url string) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return err
}

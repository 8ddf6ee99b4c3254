// Program load keeps a service busy on loopback and checks every answer.
//
// Usage: load KIND ADDRESS WORKERS
//
// KIND is nats (a message to oneself through the broker), etcd (put and get over its JSON gateway) or http (GET of a URL).
// It prints a line of JSON every 200 ms until its input ends: operations so far, errors so far, the first error.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A worker does one operation after another until one fails.
type worker func(id int, done func()) error

func nats(address string) worker {
	return func(id int, done func()) error {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		reader := bufio.NewReader(conn)
		subject := fmt.Sprintf("judge.%d", id)
		if _, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\n", subject); err != nil {
			return err
		}
		for n := 0; ; n++ {
			payload := fmt.Sprintf("message %d of %d", n, id)
			if _, err = fmt.Fprintf(conn, "PUB %s %d\r\n%s\r\n", subject, len(payload), payload); err != nil {
				return err
			}
			for {
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				line, err := reader.ReadString('\n')
				if err != nil {
					return err
				}
				if strings.HasPrefix(line, "PING") {
					fmt.Fprint(conn, "PONG\r\n")
				} else if strings.HasPrefix(line, "-ERR") {
					return errors.New(line)
				} else if strings.HasPrefix(line, "MSG ") {
					break
				}
			}
			if answer, err := reader.ReadString('\n'); err != nil || strings.TrimSpace(answer) != payload {
				return fmt.Errorf("not my message: %q, %v", answer, err)
			}
			done()
		}
	}
}

func etcd(address string) worker {
	post := func(what string, request map[string]string) (map[string]any, error) {
		body, _ := json.Marshal(request)
		response, err := client.Post("http://"+address+"/v3/kv/"+what, "application/json", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		answer := map[string]any{}
		return answer, json.NewDecoder(response.Body).Decode(&answer)
	}
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return func(id int, done func()) error {
		key := encode(fmt.Sprintf("judge/%d", id))
		for n := 0; ; n++ {
			value := encode(fmt.Sprintf("value %d", n))
			if _, err := post("put", map[string]string{"key": key, "value": value}); err != nil {
				return err
			}
			answer, err := post("range", map[string]string{"key": key})
			if err != nil {
				return err
			}
			if list, ok := answer["kvs"].([]any); !ok || len(list) != 1 || list[0].(map[string]any)["value"] != value {
				return fmt.Errorf("not what was put: %v", answer)
			}
			done()
		}
	}
}

func get(url string) worker {
	return func(id int, done func()) error {
		for {
			response, err := client.Get(url)
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != http.StatusOK {
				return fmt.Errorf("status %d: %v", response.StatusCode, err)
			}
			done()
		}
	}
}

var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}

func main() {
	kinds := map[string]func(string) worker{"nats": nats, "etcd": etcd, "http": get}
	if len(os.Args) != 4 || kinds[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: load nats|etcd|http ADDRESS WORKERS")
		os.Exit(2)
	}
	work := kinds[os.Args[1]](os.Args[2])
	workers, _ := strconv.Atoi(os.Args[3])
	var operations, failures atomic.Int64
	var first atomic.Value
	first.Store("")
	for id := range workers {
		go func() {
			err := work(id, func() { operations.Add(1) })
			failures.Add(1)
			first.CompareAndSwap("", err.Error())
		}()
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for range time.Tick(200 * time.Millisecond) {
		line, _ := json.Marshal(map[string]any{"operations": operations.Load(), "errors": failures.Load(), "first_error": first.Load()})
		fmt.Println(string(line))
	}
}

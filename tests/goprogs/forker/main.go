// Forker starts children of its own binary, which are as busy as it is. A recorder of the parent may not touch them. The
// parent prints one line of JSON with everybody's process and thread ids when all are at work, and ends when standard
// input does.
//
//	forker [-children N]
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"gotape.test/goprogs/internal/self"
)

// work keeps two goroutines handing a value to and fro, with pauses.
func work() {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for n := range ping {
			pong <- n + 1
		}
	}()
	go func() {
		for n := 0; ; {
			for i := 0; i < 20; i++ {
				ping <- n
				n = <-pong
			}
			time.Sleep(time.Millisecond)
		}
	}()
}

type report struct {
	Kind     string   `json:"kind"`
	Pid      int      `json:"pid"`
	Tids     []int    `json:"tids"`
	Children []report `json:"children,omitempty"`
}

func main() {
	children := flag.Int("children", 2, "children of the same binary")
	flag.Parse()
	work()
	me := report{Kind: "ready"}
	for i := 0; i < *children; i++ {
		child, err := start()
		if err != nil {
			fmt.Fprintln(os.Stderr, "forker:", err)
			os.Exit(1)
		}
		me.Children = append(me.Children, child)
	}
	time.Sleep(100 * time.Millisecond) // by now the runtime has the threads that it needs
	me.Pid, me.Tids = os.Getpid(), self.Threads()
	json.NewEncoder(os.Stdout).Encode(me)
	io.Copy(io.Discard, os.Stdin)
}

// start runs a child until this process closes its standard input, at the latest by ending.
func start() (report, error) {
	cmd := exec.Command("/proc/self/exe", "-children", strconv.Itoa(0))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		return report{}, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return report{}, err
	}
	if err := cmd.Start(); err != nil {
		return report{}, err
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return report{}, err
	}
	var child report
	err = json.Unmarshal(line, &child)
	return child, err
}

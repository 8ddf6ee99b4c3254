// Output writes much to standard output and some to standard error, copies standard input, and tells its arguments and
// environment: what must be the same whether it is recorded or not.
package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"sync"
)

func main() {
	fmt.Println("args", os.Args[1:])
	env := os.Environ()
	sort.Strings(env)
	for _, e := range env {
		fmt.Println("env", e)
	}
	lines := make(chan string)
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		defer group.Done()
		for line := range lines {
			fmt.Println(line)
		}
	}()
	for i := 0; i < 20000; i++ {
		lines <- fmt.Sprintf("line %d of the output, with some text to make it long enough", i)
	}
	close(lines)
	group.Wait()
	for i := 0; i < 100; i++ {
		fmt.Fprintln(os.Stderr, "error line", i)
	}
	n, err := io.Copy(os.Stdout, os.Stdin)
	fmt.Println("copied", n, err)
	os.Exit(7)
}

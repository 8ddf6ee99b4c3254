// Cgosleep lets a goroutine sleep in C code, and prints how long as a JSON line.
package main

// #include <unistd.h>
import "C"

import (
	"encoding/json"
	"os"

	"gotape.test/goprogs/internal/mono"
	"gotape.test/goprogs/internal/self"
)

func sleepInC(us C.useconds_t) {
	C.usleep(us)
}

func main() {
	before := mono.Now()
	sleepInC(30000)
	after := mono.Now()
	call := map[string]any{"kind": "cgo", "goid": self.Goid(), "before_ns": before, "after_ns": after}
	if err := json.NewEncoder(os.Stdout).Encode(call); err != nil {
		panic(err)
	}
}

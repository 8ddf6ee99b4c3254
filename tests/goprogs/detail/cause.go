//go:build go1.20

package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
)

type shutdown struct{}

func (*shutdown) Error() string { return "shutdown" }

// Only in Go 1.20 a timerCtx begins with a pointer to its cancelCtx.
var timerHoldsPointer = strings.HasPrefix(runtime.Version(), "go1.20")

func withCause(made func(ctx context.Context, parent string, from, to int64), ended func(ctx context.Context, goid int64, cause, err string, done bool), goid int64) {
	ctx, cancel := context.WithCancelCause(context.Background())
	made(ctx, "0x0", 0, 0)
	cancel(&shutdown{})
	ended(ctx, goid, "canceled", fmt.Sprintf("%T", &shutdown{}), false)
}

//go:build !go1.20

package main

import "context"

const timerHoldsPointer = false

func withCause(func(ctx context.Context, parent string, from, to int64), func(ctx context.Context, goid int64, cause, err string, done bool), int64) {
}

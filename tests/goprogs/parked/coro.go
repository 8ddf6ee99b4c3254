//go:build go1.23

package main

import "iter"

// coroutines leaves one in the middle of its sequence.
func coroutines() {
	park("coroutine", func(w *Waiter, ready func()) {
		var inner int64
		next, _ := iter.Pull(func(yield func(int64) bool) {
			yield(inner)
		})
		next()
		pulled = append(pulled, next)
		c := make(chan job)
		w.on("chan", c)
		ready()
		<-c
	})
}

var pulled []func() (int64, bool)

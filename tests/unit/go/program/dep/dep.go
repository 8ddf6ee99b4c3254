// Package dep is a dependency that go.mod replaces, so that the build info has a replacement.
package dep

// Twice is small enough to be inlined.
func Twice(f func()) {
	f()
	f()
}

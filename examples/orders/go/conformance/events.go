package main

import (
	"fmt"
	"sort"
	"time"

	"github.com/oracle/coherence-go-client/v2/coherence"
)

const eventTime = 15 * time.Second

// events is what a listener was told, each as "type key old new" with - for no value, to be waited for one by one.
type events[K comparable, V any] struct {
	told     chan string
	listener coherence.MapListener[K, V]
}

func newEvents[K comparable, V any]() *events[K, V] {
	e := &events[K, V]{told: make(chan string, 1000), listener: coherence.NewMapListener[K, V]()}
	e.listener.OnAny(func(event coherence.MapEvent[K, V]) {
		key, keyErr := event.Key()
		older, oldErr := event.OldValue()
		newer, newErr := event.NewValue()
		if keyErr != nil || oldErr != nil || newErr != nil {
			e.told <- fmt.Sprint("unreadable event: ", keyErr, oldErr, newErr)
			return
		}
		e.told <- fmt.Sprintf("%s %v %s %s", event.Type(), *key, text(older), text(newer))
	})
	return e
}

func text[V any](value *V) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}

func (e *events[K, V]) next() string { return await(e.told) }

func (e *events[K, V]) sorted(count int) []string {
	var found []string
	for range count {
		found = append(found, e.next())
	}
	sort.Strings(found)
	return found
}

func await[T any](told <-chan T) T {
	select {
	case one := <-told:
		return one
	case <-time.After(eventTime):
		fail("no event within %s", eventTime)
		panic("unreachable")
	}
}

func lifecycle[K comparable, V any](cache coherence.NamedMap[K, V]) <-chan coherence.MapLifecycleEventType {
	told := make(chan coherence.MapLifecycleEventType, 10)
	listener := coherence.NewMapLifecycleListener[K, V]()
	listener.OnAny(func(event coherence.MapLifecycleEvent[K, V]) { told <- event.Type() })
	cache.AddLifecycleListener(listener)
	return told
}

// eventually asks again until the answer is yes: the client has no event for what its near cache has taken in.
func eventually(what string, holds func() bool) {
	for deadline := time.Now().Add(eventTime); !holds(); {
		if time.Now().After(deadline) {
			fail("not within %s: %s", eventTime, what)
		}
	}
}

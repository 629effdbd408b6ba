package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/oracle/coherence-go-client/v2/coherence"
)

const eventTime = 5 * time.Second

type address struct {
	City string `json:"city"`
	Zip  int    `json:"zip"`
}

type person struct {
	Name    string   `json:"name,omitempty"`
	Age     int      `json:"age"`
	Score   float64  `json:"score,omitempty"`
	Team    string   `json:"team,omitempty"`
	Address *address `json:"address,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	Nick    string   `json:"nick,omitempty"`
	Visits  int      `json:"visits,omitempty"`
}

type (
	people = coherence.NamedCache[string, person]
	counts = coherence.NamedCache[string, int]
)

// check is `area.method` or `area.method.case`.
type check struct {
	name string
	run  func(*scene)
	// v1 is true for what the v0 client does not have.
	v1 bool
}

var checks []check

func add(name string, run func(*scene)) { checks = append(checks, check{name: name, run: run}) }

func addV1(name string, run func(*scene)) {
	checks = append(checks, check{name: name, run: run, v1: true})
}

// different is what a check panics with; the runner makes a result of it.
type different struct{ expected, got string }

func fail(expected, got string) { panic(different{expected, got}) }

// must gives the value of a call that may not fail.
func must[T any](value T, err error) T {
	done(err)
	return value
}

func done(err error) {
	if err != nil {
		fail("no error", strings.Join(strings.Fields(err.Error()), " "))
	}
}

func refused(err error) {
	if err == nil {
		fail("an error", "none")
	}
}

// text is a value as JSON, which has no addresses in it.
func text(value any) string {
	bytes, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%#v", value)
	}
	return string(bytes)
}

// same compares as JSON, to which a field that is not there and an empty one are the same.
func same(got, expected any) {
	if text(got) != text(expected) {
		fail(text(expected), text(got))
	}
}

// none wants nil, which is how this client says that there is no value.
func none[T any](value *T) {
	if value != nil {
		fail("no value", text(*value))
	}
}

func some[T any](value *T, expected T) {
	if value == nil {
		fail(text(expected), "no value")
	}
	same(*value, expected)
}

func entries[K comparable, V any](stream <-chan *coherence.StreamedEntry[K, V]) map[K]V {
	found := map[K]V{}
	for entry := range stream {
		done(entry.Err)
		if _, twice := found[entry.Key]; twice {
			fail("each key once", text(entry.Key)+" twice")
		}
		found[entry.Key] = entry.Value
	}
	return found
}

func keys(stream <-chan *coherence.StreamedKey[string]) []string {
	found := []string{}
	for key := range stream {
		done(key.Err)
		found = append(found, key.Key)
	}
	sort.Strings(found)
	return found
}

func values[V any](stream <-chan *coherence.StreamedValue[V]) []V {
	found := []V{}
	for value := range stream {
		done(value.Err)
		found = append(found, value.Value)
	}
	return found
}

func names(people []person) []string {
	found := []string{}
	for _, one := range people {
		found = append(found, one.Name)
	}
	sort.Strings(found)
	return found
}

func eventually(what string, holds func() bool) {
	for deadline := time.Now().Add(eventTime); !holds(); {
		if time.Now().After(deadline) {
			fail(what, "not within "+eventTime.String())
		}
	}
}

func await[T any](told <-chan T) T {
	select {
	case one := <-told:
		return one
	case <-time.After(eventTime):
		fail("an event", "none within "+eventTime.String())
		panic("unreachable")
	}
}

// events is what a listener was told, each as "kind key old new" with - for no value, to be waited for one by one.
type events[V any] struct {
	told     chan string
	listener coherence.MapListener[string, V]
}

func newEvents[V any]() *events[V] {
	e := &events[V]{told: make(chan string, 1000), listener: coherence.NewMapListener[string, V]()}
	e.listener.OnAny(func(event coherence.MapEvent[string, V]) { e.told <- line(event) })
	return e
}

func line[V any](event coherence.MapEvent[string, V]) string {
	key, keyErr := event.Key()
	older, oldErr := event.OldValue()
	newer, newErr := event.NewValue()
	if keyErr != nil || oldErr != nil || newErr != nil {
		return fmt.Sprint("unreadable event: ", keyErr, oldErr, newErr)
	}
	return fmt.Sprintf("%s %s %s %s", event.Type(), *key, orDash(older), orDash(newer))
}

func orDash[V any](value *V) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}

func (e *events[V]) all(expected ...string) {
	for _, one := range expected {
		same(await(e.told), one)
	}
	same(len(e.told), 0)
}

// kinds gives kind and key of the next events.
func (e *events[V]) kinds(count int) []string {
	found := []string{}
	for range count {
		words := strings.Fields(await(e.told))
		found = append(found, words[0]+" "+words[1])
	}
	return found
}

// until waits for this event, whatever comes before it: the order of released and destroyed is not settled.
func until(told <-chan coherence.MapLifecycleEventType, kind coherence.MapLifecycleEventType) {
	for await(told) != kind {
	}
}

func lifecycle[K comparable, V any](cache coherence.NamedMap[K, V]) <-chan coherence.MapLifecycleEventType {
	told := make(chan coherence.MapLifecycleEventType, 10)
	listener := coherence.NewMapLifecycleListener[K, V]()
	listener.OnAny(func(event coherence.MapLifecycleEvent[K, V]) { told <- event.Type() })
	cache.AddLifecycleListener(listener)
	return told
}

// scene is what one check runs in: sessions and caches of its own.
type scene struct {
	ctx      context.Context
	address  string
	version  int
	name     string
	everyone map[string]person
	session  *coherence.Session
	sessions []*coherence.Session
	cleanup  []func()
}

func readPeople(folder string) (map[string]person, error) {
	bytes, err := os.ReadFile(filepath.Join(folder, "people.json"))
	if err != nil {
		return nil, err
	}
	found := map[string]person{}
	return found, json.Unmarshal(bytes, &found)
}

func (s *scene) open(options ...func(*coherence.SessionOptions)) *coherence.Session {
	options = append(options, coherence.WithAddress(s.address), coherence.WithPlainText())
	session := must(coherence.NewSession(s.ctx, options...))
	s.sessions = append(s.sessions, session)
	return session
}

type cacheOption = func(*coherence.CacheOptions)

func open[V any](s *scene, suffix string, options ...cacheOption) coherence.NamedCache[string, V] {
	cache := must(coherence.GetNamedCache[string, V](s.session, s.name+suffix, options...))
	s.cleanup = append(s.cleanup, func() {
		if s.version == 0 {
			// Destroying while a v0 event stream opens or closes can hang the reference server for good, and the client
			// panics on an event that comes after the release.
			_ = cache.Clear(s.ctx)
			return
		}
		_ = cache.Destroy(s.ctx)
	})
	return cache
}

func (s *scene) counts() counts { return open[int](s, "") }

func (s *scene) empty() people { return open[person](s, "") }

// people gives a cache with what people.json has.
func (s *scene) people() people {
	cache := s.empty()
	done(cache.PutAll(s.ctx, s.everyone))
	return cache
}

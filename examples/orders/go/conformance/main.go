// Command conformance checks every plain map operation of the official Go client against a server.
//
// usage: conformance [v1|v0]     GRID_ADDRESS names the server (127.0.0.1:1408)
//
// It prints `ok NAME` or `FAILED NAME: reason` for each check, then `N passed, M failed`; the exit status is 1 when any
// failed. The client has no switch for the older protocol: it falls back to v0 when the server does not know v1, so
// `v0` puts a relay in between that refuses v1 and passes everything else on.
package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oracle/coherence-go-client/v2/coherence"

	"orders-example/relay"
)

const checkTime = 60 * time.Second

// failure is what a check panics with; the runner turns it into a FAILED line.
type failure struct{ reason string }

func fail(format string, arguments ...any) {
	panic(failure{fmt.Sprintf(format, arguments...)})
}

// must gives the value of a call that may not fail.
func must[T any](value T, err error) T {
	done(err)
	return value
}

func done(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func same(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		fail("expected %#v, got %#v", expected, actual)
	}
}

// none fails unless the pointer is nil, which is how this client says that there is no value.
func none[T any](value *T) {
	if value != nil {
		fail("expected no value, got %#v", *value)
	}
}

func some[T any](value *T, expected T) {
	if value == nil {
		fail("expected %#v, got no value", expected)
	}
	same(*value, expected)
}

// scene is what one check runs in: sessions and caches of its own.
type scene struct {
	ctx      context.Context
	address  string
	version  int
	name     string
	session  *coherence.Session
	sessions []*coherence.Session
	cleanup  []func()
}

func (s *scene) open() *coherence.Session {
	session := must(coherence.NewSession(s.ctx, coherence.WithAddress(s.address), coherence.WithPlainText()))
	s.sessions = append(s.sessions, session)
	return session
}

type cacheOption = func(*coherence.CacheOptions)

func openCache[K comparable, V any](s *scene, session *coherence.Session, suffix string, options ...cacheOption) coherence.NamedCache[K, V] {
	cache := must(coherence.GetNamedCache[K, V](session, s.name+suffix, options...))
	if session == s.session {
		s.cleanup = append(s.cleanup, func() {
			if s.version == 0 {
				// Destroying while a v0 event stream opens or closes can hang the reference server for good.
				_ = cache.Clear(s.ctx)
				return
			}
			_ = cache.Destroy(s.ctx)
		})
	}
	return cache
}

func newCache[K comparable, V any](s *scene) coherence.NamedCache[K, V] {
	return openCache[K, V](s, s.session, "")
}

type check struct {
	name string
	run  func(*scene)
}

var nameParts = regexp.MustCompile(`[^a-z]+`)

func runCheck(one check, address string, version int) (reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	s := &scene{ctx: ctx, address: address, version: version}
	s.name = fmt.Sprintf("conformance-%s-%s", uuid.NewString()[:8], nameParts.ReplaceAllString(one.name, "-"))
	defer func() {
		for _, session := range s.sessions {
			session.Close()
		}
	}()
	defer func() {
		if caught := recover(); caught != nil {
			if known, ok := caught.(failure); ok {
				reason = known.reason
			} else {
				reason = fmt.Sprint(caught)
			}
		}
	}()
	s.session = s.open()
	one.run(s)
	for _, undo := range s.cleanup {
		undo()
	}
	return ""
}

func main() {
	// The client logs to the standard error at level INFO unless told otherwise.
	if os.Getenv("COHERENCE_LOG_LEVEL") == "" {
		_ = os.Setenv("COHERENCE_LOG_LEVEL", "ERROR")
	}
	address := os.Getenv("GRID_ADDRESS")
	if address == "" {
		address = "127.0.0.1:1408"
	}
	version := 1
	switch {
	case len(os.Args) > 1 && os.Args[1] == "v0":
		version = 0
		relayed, err := relay.Start(address)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		address = relayed
	case len(os.Args) > 1 && os.Args[1] != "v1":
		fmt.Fprintln(os.Stderr, "usage: conformance [v1|v0]")
		os.Exit(2)
	}
	failed := 0
	for _, one := range checks {
		if reason := runCheck(one, address, version); reason != "" {
			failed++
			fmt.Printf("FAILED %s: %s\n", one.name, strings.Join(strings.Fields(reason), " "))
			continue
		}
		fmt.Printf("ok %s\n", one.name)
	}
	fmt.Printf("%d passed, %d failed\n", len(checks)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// Command map-api runs the whole map API of the official Go client, one check for each method and case, against a server.
//
// usage: map-api ADDRESS [v1|v0] [RESULTS] [NAME...]     MAP_API_DATA names the folder of people.json (..)
//
// It prints `ok NAME` or `FAIL NAME: expected ..., got ...`, and at the end the counts; the exit status is 1 when any
// check failed. RESULTS is a file for the same as JSON lines. NAME is the beginning of a check's name, to run only those.
// The client has no switch for the older protocol: it falls back to v0 when the server does not know v1, so `v0` puts a
// relay in between that refuses v1 and passes everything else on.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oracle/coherence-go-client/v2/coherence"

	"orders-example/relay"
)

const checkTime = 15 * time.Second

type result struct {
	Check    string `json:"check"`
	OK       bool   `json:"ok"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got,omitempty"`
}

func runCheck(one check, s *scene) (outcome result) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	s.ctx = ctx
	s.name = fmt.Sprintf("map-api-%s-%s", uuid.NewString()[:8], strings.ReplaceAll(one.name, ".", "-"))
	defer func() {
		for _, undo := range s.cleanup {
			undo()
		}
		for _, session := range s.sessions {
			session.Close()
		}
	}()
	defer func() {
		if caught := recover(); caught != nil {
			outcome = result{Check: one.name, Expected: "no panic", Got: fmt.Sprint(caught)}
			if known, ok := caught.(different); ok {
				outcome = result{Check: one.name, Expected: known.expected, Got: known.got}
			}
		}
	}()
	one.run(s)
	return result{Check: one.name, OK: true}
}

func wanted(one check, version int, beginnings []string) bool {
	if one.v1 && version == 0 {
		return false
	}
	for _, beginning := range beginnings {
		if strings.HasPrefix(one.name, beginning) {
			return true
		}
	}
	return len(beginnings) == 0
}

func run(address string, version int, results io.Writer, beginnings []string) (failed int, err error) {
	folder := os.Getenv("MAP_API_DATA")
	if folder == "" {
		folder = ".."
	}
	everyone, err := readPeople(folder)
	if err != nil {
		return 0, err
	}
	if version == 0 {
		if address, err = relay.Start(address); err != nil {
			return 0, err
		}
	}
	session, err := coherence.NewSession(context.Background(), coherence.WithAddress(address), coherence.WithPlainText())
	if err != nil {
		return 0, err
	}
	defer session.Close()
	passed := 0
	for _, one := range checks {
		if !wanted(one, version, beginnings) {
			continue
		}
		outcome := runCheck(one, &scene{address: address, version: version, everyone: everyone, session: session})
		if outcome.OK {
			passed++
			fmt.Println("ok", outcome.Check)
		} else {
			failed++
			fmt.Printf("FAIL %s: expected %s, got %s\n", outcome.Check, outcome.Expected, outcome.Got)
		}
		if err := json.NewEncoder(results).Encode(outcome); err != nil {
			return failed, err
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	return failed, nil
}

func main() {
	// The client logs to the standard error at level INFO unless told otherwise.
	if os.Getenv("COHERENCE_LOG_LEVEL") == "" {
		_ = os.Setenv("COHERENCE_LOG_LEVEL", "ERROR")
	}
	arguments := os.Args[1:]
	if len(arguments) == 0 || len(arguments) > 1 && arguments[1] != "v0" && arguments[1] != "v1" {
		fmt.Fprintln(os.Stderr, "usage: map-api ADDRESS [v1|v0] [RESULTS] [NAME...]")
		os.Exit(2)
	}
	version := 1
	if len(arguments) > 1 && arguments[1] == "v0" {
		version = 0
	}
	file := os.DevNull
	if len(arguments) > 2 {
		file = arguments[2]
	}
	results, err := os.Create(file)
	if err == nil {
		var failed int
		failed, err = run(arguments[0], version, results, arguments[min(3, len(arguments)):])
		if failed > 0 {
			os.Exit(1)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

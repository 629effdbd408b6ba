package main

import (
	"fmt"
	"math"
	"sort"
	"sync"

	"github.com/oracle/coherence-go-client/v2/coherence"
)

var checks = []check{
	{"connect", connect},
	{"put and get", putGet},
	{"get or default", getOrDefault},
	{"put all and get all", putAll},
	{"put with a time to live expires, with an event", expiry},
	{"put if absent", putIfAbsent},
	{"remove", remove},
	{"remove mapping", removeMapping},
	{"replace", replace},
	{"replace mapping", replaceMapping},
	{"contains key, value and entry", contains},
	{"size, is empty and clear", size},
	{"keys, values and entries by page", pages},
	{"keys by page of an empty cache", emptyPages},
	{"events for all: insert, update, delete", allListener},
	{"events for one key only", keyListener},
	{"no events after a listener is removed", removedListener},
	{"no events for what changes nothing", silent},
	{"events reach another session", otherSession},
	{"truncate tells truncated and nothing else", truncate},
	{"destroy tells destroyed, here and in another session", destroy},
	{"two caches of one session are apart", twoCaches},
	{"unicode", unicode},
	{"nested values, empty ones and null in arrays", nested},
	{"64-bit integers", integers},
	{"doubles", doubles},
	{"many requests at once", pipelined},
	{"near cache sees the changes of others", near},
}

func connect(s *scene) {
	same(int(s.session.GetProtocolVersion()), s.version)
	same(must(newCache[string, int](s).IsReady(s.ctx)), true)
}

func putGet(s *scene) {
	cache := newCache[string, int](s)
	none(must(cache.Get(s.ctx, "a")))
	none(must(cache.Put(s.ctx, "a", 1)))
	some(must(cache.Put(s.ctx, "a", 2)), 1)
	some(must(cache.Get(s.ctx, "a")), 2)
}

func getOrDefault(s *scene) {
	cache := newCache[string, int](s)
	must(cache.Put(s.ctx, "a", 1))
	some(must(cache.GetOrDefault(s.ctx, "a", 9)), 1)
	some(must(cache.GetOrDefault(s.ctx, "b", 9)), 9)
}

// collect reads a channel of entries to its end.
func collect[K comparable, V any](entries <-chan *coherence.StreamedEntry[K, V]) map[K]V {
	found := map[K]V{}
	for entry := range entries {
		done(entry.Err)
		if _, twice := found[entry.Key]; twice {
			fail("the key %v came twice", entry.Key)
		}
		found[entry.Key] = entry.Value
	}
	return found
}

func putAll(s *scene) {
	cache := newCache[string, int](s)
	entries := map[string]int{}
	for n := range 100 {
		entries[fmt.Sprintf("k%d", n)] = n
	}
	done(cache.PutAll(s.ctx, entries))
	same(must(cache.Size(s.ctx)), 100)
	same(collect(cache.GetAll(s.ctx, []string{"k3", "k97", "missing"})), map[string]int{"k3": 3, "k97": 97})
	same(len(collect(cache.GetAll(s.ctx, []string{"missing"}))), 0)
}

func expiry(s *scene) {
	cache := newCache[string, string](s)
	events := newEvents[string, string]()
	done(cache.AddKeyListener(s.ctx, events.listener, "short"))
	must(cache.PutWithExpiry(s.ctx, "short", "v", 300_000_000))
	must(cache.PutWithExpiry(s.ctx, "long", "v", 600_000_000_000))
	same(events.next(), "insert short - v")
	same(events.next(), "delete short v -")
	none(must(cache.Get(s.ctx, "short")))
	same(must(cache.ContainsKey(s.ctx, "short")), false)
	some(must(cache.Get(s.ctx, "long")), "v")
	same(must(cache.Size(s.ctx)), 1)
}

func putIfAbsent(s *scene) {
	cache := newCache[string, int](s)
	none(must(cache.PutIfAbsent(s.ctx, "a", 1)))
	some(must(cache.PutIfAbsent(s.ctx, "a", 2)), 1)
	some(must(cache.Get(s.ctx, "a")), 1)
}

func remove(s *scene) {
	cache := newCache[string, int](s)
	must(cache.Put(s.ctx, "a", 1))
	some(must(cache.Remove(s.ctx, "a")), 1)
	none(must(cache.Remove(s.ctx, "a")))
	same(must(cache.ContainsKey(s.ctx, "a")), false)
}

type record struct {
	N []int `json:"n"`
}

func removeMapping(s *scene) {
	cache := newCache[string, record](s)
	must(cache.Put(s.ctx, "a", record{[]int{1}}))
	same(must(cache.RemoveMapping(s.ctx, "a", record{[]int{2}})), false)
	same(must(cache.RemoveMapping(s.ctx, "b", record{[]int{1}})), false)
	same(must(cache.RemoveMapping(s.ctx, "a", record{[]int{1}})), true)
	same(must(cache.Size(s.ctx)), 0)
}

func replace(s *scene) {
	cache := newCache[string, int](s)
	none(must(cache.Replace(s.ctx, "a", 1)))
	same(must(cache.ContainsKey(s.ctx, "a")), false)
	must(cache.Put(s.ctx, "a", 1))
	some(must(cache.Replace(s.ctx, "a", 2)), 1)
	some(must(cache.Get(s.ctx, "a")), 2)
}

func replaceMapping(s *scene) {
	cache := newCache[string, string](s)
	must(cache.Put(s.ctx, "a", "x"))
	same(must(cache.ReplaceMapping(s.ctx, "a", "y", "z")), false)
	same(must(cache.ReplaceMapping(s.ctx, "b", "x", "z")), false)
	same(must(cache.ReplaceMapping(s.ctx, "a", "x", "z")), true)
	some(must(cache.Get(s.ctx, "a")), "z")
}

func contains(s *scene) {
	cache := newCache[string, record](s)
	here, other := record{[]int{1, 2}}, record{[]int{2, 1}}
	must(cache.Put(s.ctx, "a", here))
	same(must(cache.ContainsKey(s.ctx, "a")), true)
	same(must(cache.ContainsKey(s.ctx, "b")), false)
	same(must(cache.ContainsValue(s.ctx, here)), true)
	same(must(cache.ContainsValue(s.ctx, other)), false)
	same(must(cache.ContainsEntry(s.ctx, "a", here)), true)
	same(must(cache.ContainsEntry(s.ctx, "a", other)), false)
	same(must(cache.ContainsEntry(s.ctx, "b", here)), false)
}

func size(s *scene) {
	cache := newCache[int, string](s)
	same(must(cache.IsEmpty(s.ctx)), true)
	same(must(cache.Size(s.ctx)), 0)
	done(cache.PutAll(s.ctx, map[int]string{1: "a", 2: "b"}))
	same(must(cache.IsEmpty(s.ctx)), false)
	same(must(cache.Size(s.ctx)), 2)
	done(cache.Clear(s.ctx))
	same(must(cache.IsEmpty(s.ctx)), true)
	none(must(cache.Get(s.ctx, 1)))
}

func pages(s *scene) {
	cache := newCache[int, int](s)
	entries := map[int]int{}
	for n := range 1500 {
		entries[n] = n * n
	}
	done(cache.PutAll(s.ctx, entries))
	var keys, values, squares []int
	for key := range cache.KeySet(s.ctx) {
		done(key.Err)
		keys = append(keys, key.Key)
	}
	sort.Ints(keys)
	same(len(keys), 1500)
	for n, key := range keys {
		same(key, n)
		squares = append(squares, n*n)
	}
	for value := range cache.Values(s.ctx) {
		done(value.Err)
		values = append(values, value.Value)
	}
	sort.Ints(values)
	same(values, squares)
	same(collect(cache.EntrySet(s.ctx)), entries)
}

func emptyPages(s *scene) {
	cache := newCache[int, int](s)
	for key := range cache.KeySet(s.ctx) {
		fail("a key in an empty cache: %v", key)
	}
	same(len(collect(cache.EntrySet(s.ctx))), 0)
}

func allListener(s *scene) {
	cache := newCache[string, int](s)
	events := newEvents[string, int]()
	done(cache.AddListener(s.ctx, events.listener))
	must(cache.Put(s.ctx, "a", 1))
	same(events.next(), "insert a - 1")
	must(cache.Put(s.ctx, "a", 2))
	same(events.next(), "update a 1 2")
	if s.version == 1 {
		// Over v0 the reference server tells nothing of a put that leaves the value as it was.
		must(cache.Put(s.ctx, "a", 2))
		same(events.next(), "update a 2 2")
	}
	must(cache.Remove(s.ctx, "a"))
	same(events.next(), "delete a 2 -")
	done(cache.PutAll(s.ctx, map[string]int{"b": 1, "c": 2}))
	same(events.sorted(2), []string{"insert b - 1", "insert c - 2"})
	done(cache.Clear(s.ctx))
	same(events.sorted(2), []string{"delete b 1 -", "delete c 2 -"})
}

func keyListener(s *scene) {
	cache := newCache[string, int](s)
	events := newEvents[string, int]()
	done(cache.AddKeyListener(s.ctx, events.listener, "k"))
	must(cache.Put(s.ctx, "other", 1))
	must(cache.Put(s.ctx, "k", 1))
	must(cache.Replace(s.ctx, "k", 2))
	same(events.next(), "insert k - 1")
	same(events.next(), "update k 1 2")
}

func removedListener(s *scene) {
	cache := newCache[string, int](s)
	removed, kept := newEvents[string, int](), newEvents[string, int]()
	done(cache.AddListener(s.ctx, removed.listener))
	done(cache.AddKeyListener(s.ctx, kept.listener, "k"))
	done(cache.RemoveListener(s.ctx, removed.listener))
	must(cache.Put(s.ctx, "k", 1))
	same(kept.next(), "insert k - 1")
	same(len(removed.told), 0)
}

func silent(s *scene) {
	cache := newCache[string, int](s)
	events := newEvents[string, int]()
	must(cache.Put(s.ctx, "a", 1))
	done(cache.AddListener(s.ctx, events.listener))
	must(cache.Remove(s.ctx, "missing"))
	must(cache.RemoveMapping(s.ctx, "a", 2))
	must(cache.Replace(s.ctx, "missing", 2))
	must(cache.ReplaceMapping(s.ctx, "a", 2, 3))
	must(cache.PutIfAbsent(s.ctx, "a", 2))
	must(cache.Put(s.ctx, "last", 1))
	same(events.next(), "insert last - 1")
}

func otherSession(s *scene) {
	cache := newCache[string, int](s)
	theirs := openCache[string, int](s, s.open(), "")
	events := newEvents[string, int]()
	done(theirs.AddListener(s.ctx, events.listener))
	must(cache.Put(s.ctx, "a", 1))
	same(events.next(), "insert a - 1")
	some(must(theirs.Get(s.ctx, "a")), 1)
}

func truncate(s *scene) {
	cache := newCache[string, int](s)
	events := newEvents[string, int]()
	told := lifecycle(cache)
	must(cache.Put(s.ctx, "a", 1))
	done(cache.AddListener(s.ctx, events.listener))
	done(cache.Truncate(s.ctx))
	same(await(told), coherence.Truncated)
	same(must(cache.Size(s.ctx)), 0)
	must(cache.Put(s.ctx, "b", 1))
	same(events.next(), "insert b - 1")
}

func destroy(s *scene) {
	cache := newCache[string, int](s)
	theirs := openCache[string, int](s, s.open(), "")
	there := lifecycle(theirs)
	events := newEvents[string, int]()
	// The event shows that the other session's stream works; until then a destroy could go unheard.
	done(theirs.AddListener(s.ctx, events.listener))
	must(cache.Put(s.ctx, "a", 1))
	same(events.next(), "insert a - 1")
	done(cache.Destroy(s.ctx))
	same(await(there), coherence.Destroyed)
	again := openCache[string, int](s, s.open(), "")
	same(must(again.Size(s.ctx)), 0)
	done(again.Destroy(s.ctx))
}

func twoCaches(s *scene) {
	one := openCache[string, int](s, s.session, "-one")
	two := openCache[string, int](s, s.session, "-two")
	events := newEvents[string, int]()
	done(two.AddListener(s.ctx, events.listener))
	must(one.Put(s.ctx, "a", 1))
	must(two.Put(s.ctx, "a", 2))
	some(must(one.Get(s.ctx, "a")), 1)
	some(must(two.Get(s.ctx, "a")), 2)
	same(events.next(), "insert a - 2")
	done(one.Clear(s.ctx))
	same(must(two.Size(s.ctx)), 1)
}

func unicode(s *scene) {
	cache := newCache[string, map[string]string](s)
	text := "Größe 寸法 🧭 \u0001 \"quoted\" \\ \n \u2028"
	// Field names have no characters that JSON escapes: the reference server fails to write some of those back.
	value := map[string]string{"Größe 寸法 🧭": text}
	must(cache.Put(s.ctx, text, value))
	some(must(cache.Get(s.ctx, text)), value)
	same(collect(cache.EntrySet(s.ctx)), map[string]map[string]string{text: value})
}

func nested(s *scene) {
	cache := newCache[string, any](s)
	value := map[string]any{
		"a":     map[string]any{"b": []any{1.0, []any{2.0, map[string]any{"d": true}}}},
		"empty": map[string]any{}, "none": []any{}, "s": "", "n": []any{nil, 1.0, nil},
	}
	for _, one := range []any{value, []any{nil, "x", nil}, false, "", 0.0} {
		must(cache.Put(s.ctx, "k", one))
		some(must(cache.Get(s.ctx, "k")), one)
	}
}

func integers(s *scene) {
	cache := newCache[int64, int64](s)
	// The lowest 64-bit integer is left out: the reference server gives it back as a double.
	all := []int64{0, -1, 1 << 31, 1<<53 + 1, math.MaxInt64, math.MinInt64 + 1}
	for _, n := range all {
		must(cache.Put(s.ctx, n, n))
		some(must(cache.Get(s.ctx, n)), n)
	}
	same(must(cache.Size(s.ctx)), len(all))
}

func doubles(s *scene) {
	cache := newCache[string, float64](s)
	for _, x := range []float64{0.5, -1.25, 1e300, 5e-324, 0.1, 3} {
		must(cache.Put(s.ctx, "x", x))
		some(must(cache.Get(s.ctx, "x")), x)
	}
}

func pipelined(s *scene) {
	cache := newCache[int, int](s)
	var (
		group sync.WaitGroup
		wrong = make(chan string, 300)
	)
	for n := range 300 {
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := cache.Put(s.ctx, n, n*n); err != nil {
				wrong <- err.Error()
			} else if value, err := cache.Get(s.ctx, n); err != nil || value == nil || *value != n*n {
				wrong <- fmt.Sprint(n, err)
			}
		}()
	}
	group.Wait()
	if len(wrong) > 0 {
		fail("%d of 300 went wrong, the first: %s", len(wrong), <-wrong)
	}
}

func near(s *scene) {
	options := coherence.NearCacheOptions{HighUnits: 100}
	cache := openCache[string, int](s, s.session, "", coherence.WithNearCache(&options))
	theirs := openCache[string, int](s, s.open(), "")
	must(theirs.Put(s.ctx, "a", 1))
	some(must(cache.Get(s.ctx, "a")), 1)
	some(must(cache.Get(s.ctx, "a")), 1)
	same(cache.GetNearCacheStats().GetCacheHits(), int64(1))
	must(theirs.Put(s.ctx, "a", 2))
	eventually("the near cache has the new value", func() bool {
		value := must(cache.Get(s.ctx, "a"))
		return value != nil && *value == 2
	})
	must(theirs.Remove(s.ctx, "a"))
	eventually("the near cache has lost the value", func() bool { return must(cache.Get(s.ctx, "a")) == nil })
}

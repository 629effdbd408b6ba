package main

import (
	"fmt"
	"sort"
	"time"

	"github.com/oracle/coherence-go-client/v2/coherence"
)

var everyKey = []string{"ada", "ben", "cleo", "dan", "eve"}

// The plain operations of a map.
func init() {
	add("map.name", func(s *scene) {
		cache := s.counts()
		same([]string{cache.Name(), cache.GetCacheName()}, []string{s.name, s.name})
	})
	add("map.session", func(s *scene) { same(s.counts().GetSession() == s.session, true) })
	add("map.get", func(s *scene) {
		cache := s.empty()
		none(must(cache.Get(s.ctx, "ada")))
		must(cache.Put(s.ctx, "ada", s.everyone["ada"]))
		some(must(cache.Get(s.ctx, "ada")), s.everyone["ada"])
	})
	add("map.get_or_default", func(s *scene) {
		cache := s.counts()
		must(cache.Put(s.ctx, "a", 1))
		some(must(cache.GetOrDefault(s.ctx, "a", 9)), 1)
		some(must(cache.GetOrDefault(s.ctx, "b", 9)), 9)
	})
	add("map.get_all", func(s *scene) {
		cache := s.people()
		same(entries(cache.GetAll(s.ctx, []string{"ada", "eve", "nobody"})),
			map[string]person{"ada": s.everyone["ada"], "eve": s.everyone["eve"]})
		same(len(entries(cache.GetAll(s.ctx, []string{"nobody"}))), 0)
	})
	add("map.put", func(s *scene) {
		cache := s.counts()
		none(must(cache.Put(s.ctx, "a", 1)))
		some(must(cache.Put(s.ctx, "a", 2)), 1)
		some(must(cache.Get(s.ctx, "a")), 2)
	})
	add("map.put.ttl", putTTL)
	add("map.options.default_expiry", func(s *scene) {
		cache, events := open[int](s, "", coherence.WithExpiry(200*time.Millisecond)), newEvents[int]()
		done(cache.AddListener(s.ctx, events.listener))
		must(cache.Put(s.ctx, "a", 1))
		events.all("insert a - 1", "delete a 1 -")
	})
	add("map.put_if_absent", func(s *scene) {
		cache := s.counts()
		none(must(cache.PutIfAbsent(s.ctx, "a", 1)))
		some(must(cache.PutIfAbsent(s.ctx, "a", 2)), 1)
		some(must(cache.Get(s.ctx, "a")), 1)
	})
	add("map.put_all", func(s *scene) {
		cache, many := s.counts(), map[string]int{}
		for n := range 100 {
			many[fmt.Sprintf("k%d", n)] = n
		}
		must(cache.Put(s.ctx, "k3", 1000))
		done(cache.PutAll(s.ctx, many))
		done(cache.PutAll(s.ctx, map[string]int{}))
		same(must(cache.Size(s.ctx)), 100)
		some(must(cache.Get(s.ctx, "k3")), 3)
	})
	add("map.put_all.ttl", putAllTTL)
	add("map.remove", func(s *scene) {
		cache := s.counts()
		must(cache.Put(s.ctx, "a", 1))
		some(must(cache.Remove(s.ctx, "a")), 1)
		none(must(cache.Remove(s.ctx, "a")))
		same(must(cache.ContainsKey(s.ctx, "a")), false)
	})
	add("map.remove_mapping", func(s *scene) {
		cache := s.people()
		same(must(cache.RemoveMapping(s.ctx, "ada", s.everyone["ben"])), false)
		same(must(cache.RemoveMapping(s.ctx, "nobody", s.everyone["ada"])), false)
		same(must(cache.RemoveMapping(s.ctx, "ada", s.everyone["ada"])), true)
		same(must(cache.Size(s.ctx)), 4)
	})
	add("map.replace", func(s *scene) {
		cache := s.counts()
		none(must(cache.Replace(s.ctx, "a", 1)))
		same(must(cache.ContainsKey(s.ctx, "a")), false)
		must(cache.Put(s.ctx, "a", 1))
		some(must(cache.Replace(s.ctx, "a", 2)), 1)
		some(must(cache.Get(s.ctx, "a")), 2)
	})
	add("map.replace_mapping", func(s *scene) {
		cache, ada, ben := s.people(), s.everyone["ada"], s.everyone["ben"]
		same(must(cache.ReplaceMapping(s.ctx, "ada", ben, ben)), false)
		same(must(cache.ReplaceMapping(s.ctx, "nobody", ada, ben)), false)
		same(must(cache.ReplaceMapping(s.ctx, "ada", ada, ben)), true)
		some(must(cache.Get(s.ctx, "ada")), ben)
	})
	add("map.contains_key", func(s *scene) {
		cache := s.people()
		same(must(cache.ContainsKey(s.ctx, "ada")), true)
		same(must(cache.ContainsKey(s.ctx, "nobody")), false)
	})
	add("map.contains_value", func(s *scene) {
		cache := s.people()
		same(must(cache.ContainsValue(s.ctx, s.everyone["ada"])), true)
		same(must(cache.ContainsValue(s.ctx, person{Name: "Ada"})), false)
	})
	add("map.contains_entry", func(s *scene) {
		cache := s.people()
		same(must(cache.ContainsEntry(s.ctx, "ada", s.everyone["ada"])), true)
		same(must(cache.ContainsEntry(s.ctx, "ada", s.everyone["ben"])), false)
		same(must(cache.ContainsEntry(s.ctx, "nobody", s.everyone["ada"])), false)
	})
	add("map.is_empty", func(s *scene) {
		cache := s.counts()
		same(must(cache.IsEmpty(s.ctx)), true)
		must(cache.Put(s.ctx, "a", 1))
		same(must(cache.IsEmpty(s.ctx)), false)
	})
	add("map.is_ready", func(s *scene) { same(must(s.counts().IsReady(s.ctx)), true) })
	add("map.size", func(s *scene) {
		same(must(open[int](s, "-empty").Size(s.ctx)), 0)
		same(must(s.people().Size(s.ctx)), 5)
	})
	add("map.clear", func(s *scene) {
		cache, events := s.people(), newEvents[person]()
		done(cache.AddListener(s.ctx, events.listener))
		done(cache.Clear(s.ctx))
		told := events.kinds(5)
		sort.Strings(told)
		same(told, []string{"delete ada", "delete ben", "delete cleo", "delete dan", "delete eve"})
		same(must(cache.Size(s.ctx)), 0)
	})
	add("map.truncate", truncate)
	add("map.destroy", destroy)
	add("map.release", release)
	add("map.keys", func(s *scene) { same(keys(s.people().KeySet(s.ctx)), everyKey) })
	add("map.values", func(s *scene) {
		same(names(values(s.people().Values(s.ctx))), []string{"Ada", "Ben", "Cleo", "Dan", "Eve"})
	})
	add("map.entries", func(s *scene) { same(entries(s.people().EntrySet(s.ctx)), s.everyone) })
	add("map.keys.by_page", func(s *scene) {
		cache, many := manyEntries(s)
		same(len(keys(cache.KeySet(s.ctx))), len(many))
	})
	add("map.values.by_page", func(s *scene) {
		cache, many := manyEntries(s)
		found := values(cache.Values(s.ctx))
		sort.Ints(found)
		same([]int{len(found), found[0], found[len(found)-1]}, []int{len(many), 0, len(many) - 1})
	})
	add("map.entries.by_page", func(s *scene) {
		same(len(entries(open[int](s, "-empty").EntrySet(s.ctx))), 0)
		cache, many := manyEntries(s)
		same(entries(cache.EntrySet(s.ctx)), many)
	})
}

func manyEntries(s *scene) (counts, map[string]int) {
	cache, many := s.counts(), map[string]int{}
	for n := range 1500 {
		many[fmt.Sprintf("k%d", n)] = n
	}
	done(cache.PutAll(s.ctx, many))
	return cache, many
}

func putTTL(s *scene) {
	cache, events := s.counts(), newEvents[int]()
	done(cache.AddListener(s.ctx, events.listener))
	must(cache.PutWithExpiry(s.ctx, "long", 1, time.Minute))
	must(cache.PutWithExpiry(s.ctx, "short", 2, 200*time.Millisecond))
	events.all("insert long - 1", "insert short - 2", "delete short 2 -")
	none(must(cache.Get(s.ctx, "short")))
	same(must(cache.Size(s.ctx)), 1)
}

func putAllTTL(s *scene) {
	cache, events := s.counts(), newEvents[int]()
	if s.version == 0 {
		refused(cache.PutAllWithExpiry(s.ctx, map[string]int{"a": 1}, time.Minute))
		return
	}
	done(cache.PutAllWithExpiry(s.ctx, map[string]int{"a": 1}, time.Minute))
	some(must(cache.Get(s.ctx, "a")), 1)
	done(cache.AddListener(s.ctx, events.listener))
	done(cache.PutAllWithExpiry(s.ctx, map[string]int{"b": 2}, 200*time.Millisecond))
	events.all("insert b - 2", "delete b 2 -")
}

func truncate(s *scene) {
	cache, events := s.counts(), newEvents[int]()
	told := lifecycle(coherence.NamedMap[string, int](cache))
	must(cache.Put(s.ctx, "a", 1))
	done(cache.AddListener(s.ctx, events.listener))
	done(cache.Truncate(s.ctx))
	same(await(told), coherence.Truncated)
	same(must(cache.Size(s.ctx)), 0)
	must(cache.Put(s.ctx, "b", 1))
	events.all("insert b - 1")
}

func destroy(s *scene) {
	cache, events := s.counts(), newEvents[int]()
	told := lifecycle(coherence.NamedMap[string, int](cache))
	// An event shows that the event stream works: the reference can hang when it does not yet.
	done(cache.AddListener(s.ctx, events.listener))
	must(cache.Put(s.ctx, "a", 1))
	events.kinds(1)
	done(cache.Destroy(s.ctx))
	// The client tells the cache that it destroys itself of the release, and of the end only when that comes first.
	await(told)
	_, err := cache.Get(s.ctx, "a")
	refused(err)
	same(must(s.counts().Size(s.ctx)), 0)
}

func release(s *scene) {
	cache := s.counts()
	told := lifecycle(coherence.NamedMap[string, int](cache))
	must(cache.Put(s.ctx, "a", 1))
	cache.Release()
	same(await(told), coherence.Released)
	_, err := cache.Get(s.ctx, "a")
	refused(err)
	some(must(s.counts().Get(s.ctx, "a")), 1)
}

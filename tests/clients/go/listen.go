package main

import (
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/oracle/coherence-go-client/v2/coherence"
	"github.com/oracle/coherence-go-client/v2/coherence/filters"
	"github.com/oracle/coherence-go-client/v2/coherence/processors"
)

var old = filters.Greater(age, 50)

// aged puts people of these ages, one after the other; an age of 0 removes.
func aged(s *scene, cache people, steps ...any) {
	for n := 0; n < len(steps); n += 2 {
		if years := steps[n+1].(int); years > 0 {
			must(cache.Put(s.ctx, steps[n].(string), person{Age: years}))
		} else {
			must(cache.Remove(s.ctx, steps[n].(string)))
		}
	}
}

// masks has what a listener with this mask is told.
var masks = []struct {
	name     string
	mask     filters.MapEventMask
	expected []string
}{
	{"inserted", filters.MaskInserted, []string{"insert old"}},
	{"updated", filters.MaskUpdated, []string{"update young", "update old", "update old"}},
	{"deleted", filters.MaskDeleted, []string{"delete young"}},
	{"entered", 8, []string{"update young"}},
	{"left", 16, []string{"update old"}},
	{"within", 32, []string{"update old"}},
	{"key_set", 29, []string{"insert old", "update young", "update old", "delete young"}},
	{"every", filters.MaskAll, []string{"insert old", "update young", "update old", "update old", "delete young"}},
}

// Listeners, near caches, and what sessions tell.
func init() {
	add("listener.all", func(s *scene) {
		cache, events := s.counts(), newEvents[int]()
		done(cache.AddListener(s.ctx, events.listener))
		must(cache.Put(s.ctx, "a", 1))
		must(cache.Put(s.ctx, "a", 2))
		must(cache.Remove(s.ctx, "a"))
		events.all("insert a - 1", "update a 1 2", "delete a 2 -")
	})
	add("listener.key", func(s *scene) {
		cache, events := s.counts(), newEvents[int]()
		done(cache.AddKeyListener(s.ctx, events.listener, "k"))
		must(cache.Put(s.ctx, "other", 1))
		must(cache.Put(s.ctx, "k", 1))
		must(cache.Replace(s.ctx, "k", 2))
		must(cache.Remove(s.ctx, "k"))
		events.all("insert k - 1", "update k 1 2", "delete k 2 -")
	})
	add("listener.filter", func(s *scene) {
		cache, events := s.empty(), newEvents[person]()
		done(cache.AddFilterListener(s.ctx, events.listener, old))
		aged(s, cache, "young", 20, "old", 60, "old", 61, "young", 70, "old", 0)
		same(events.kinds(4), []string{"insert old", "update old", "update young", "delete old"})
	})
	add("listener.lite", func(s *scene) {
		cache, events := s.counts(), newEvents[int]()
		done(cache.AddListenerLite(s.ctx, events.listener))
		must(cache.Put(s.ctx, "a", 1))
		must(cache.Remove(s.ctx, "a"))
		same(events.kinds(2), []string{"insert a", "delete a"})
	})
	add("listener.key.lite", func(s *scene) {
		cache, events := s.counts(), newEvents[int]()
		done(cache.AddKeyListenerLite(s.ctx, events.listener, "a"))
		must(cache.Put(s.ctx, "b", 1))
		must(cache.Put(s.ctx, "a", 1))
		same(events.kinds(1), []string{"insert a"})
	})
	add("listener.filter.lite", func(s *scene) {
		cache, events := s.empty(), newEvents[person]()
		done(cache.AddFilterListenerLite(s.ctx, events.listener, old))
		aged(s, cache, "a", 1, "b", 60)
		same(events.kinds(1), []string{"insert b"})
	})
	for _, one := range masks {
		add("listener.mask."+one.name, func(s *scene) {
			cache, events, end := s.empty(), newEvents[person](), newEvents[person]()
			done(cache.AddFilterListener(s.ctx, events.listener, filters.NewEventFilter(one.mask, old)))
			done(cache.AddKeyListener(s.ctx, end.listener, "end"))
			aged(s, cache, "young", 20, "old", 60, "young", 70, "old", 61, "old", 30, "young", 0, "end", 1)
			end.kinds(1)
			same(events.kinds(len(events.told)), one.expected)
		})
	}
	add("listener.from_mask", func(s *scene) {
		cache, events := s.empty(), newEvents[person]()
		done(cache.AddFilterListener(s.ctx, events.listener, filters.NewEventFilterFromMask(filters.MaskDeleted)))
		aged(s, cache, "a", 1, "a", 0)
		same(events.kinds(1), []string{"delete a"})
	})
	add("listener.from_filter", func(s *scene) {
		cache, events := s.empty(), newEvents[person]()
		done(cache.AddFilterListener(s.ctx, events.listener, filters.NewEventFilterFromFilter(old)))
		aged(s, cache, "a", 1, "b", 60)
		same(events.kinds(1), []string{"insert b"})
	})
	add("listener.on", listenOn)
	addV1("listener.synchronous", func(s *scene) {
		cache, events := s.counts(), newEvents[int]()
		events.listener.SetSynchronous()
		same(events.listener.IsSynchronous(), true)
		done(cache.AddKeyListener(s.ctx, events.listener, "a"))
		must(cache.Put(s.ctx, "a", 1))
		events.all("insert a - 1")
	})
	addV1("listener.priming", listenPriming)
	addV1("listener.facts", listenFacts)
	initRemoval()
	initLives()
}

func listenOn(s *scene) {
	cache, end, told := s.counts(), newEvents[int](), make(chan string, 10)
	listener := coherence.NewMapListener[string, int]()
	tell := func(kind string) func(coherence.MapEvent[string, int]) {
		return func(event coherence.MapEvent[string, int]) {
			if event.Source().Name() == cache.Name() {
				told <- kind + " " + line(event)
			}
		}
	}
	listener.OnInserted(tell("on insert")).OnUpdated(tell("on update")).OnDeleted(tell("on delete"))
	done(cache.AddKeyListener(s.ctx, listener, "a"))
	done(cache.AddKeyListener(s.ctx, end.listener, "end"))
	must(cache.Put(s.ctx, "a", 1))
	must(cache.Put(s.ctx, "a", 2))
	must(cache.Remove(s.ctx, "a"))
	must(cache.Put(s.ctx, "end", 1))
	end.kinds(1)
	for _, expected := range []string{"on insert insert a - 1", "on update update a 1 2", "on delete delete a 2 -"} {
		same(await(told), expected)
	}
}

// listenPriming does not add the listener: the client waits for ever once it is told what the key has.
func listenPriming(*scene) {
	listener := coherence.NewMapListener[string, int]()
	listener.SetPriming()
	same(listener.IsPriming(), true)
}

// listenFacts: whether an event comes of expiry.
func listenFacts(s *scene) {
	cache, told := s.counts(), make(chan []bool, 10)
	listener := coherence.NewMapListener[string, int]().OnAny(func(event coherence.MapEvent[string, int]) {
		expired, _ := event.IsExpired()
		priming, _ := event.IsPriming()
		synthetic, _ := event.IsSynthetic()
		told <- []bool{expired, priming, synthetic}
	})
	done(cache.AddListener(s.ctx, listener))
	must(cache.PutWithExpiry(s.ctx, "a", 1, 200*time.Millisecond))
	same(await(told), []bool{false, false, false})
	same(await(told), []bool{true, false, true})
}

func initRemoval() {
	add("listener.remove", func(s *scene) {
		cache, gone, kept := s.counts(), newEvents[int](), newEvents[int]()
		done(cache.AddListener(s.ctx, gone.listener))
		done(cache.AddKeyListener(s.ctx, kept.listener, "k"))
		done(cache.RemoveListener(s.ctx, gone.listener))
		must(cache.Put(s.ctx, "k", 1))
		same(kept.kinds(1), []string{"insert k"})
		same(len(gone.told), 0)
	})
	add("listener.remove.key", func(s *scene) {
		cache, gone, kept := s.counts(), newEvents[int](), newEvents[int]()
		done(cache.AddKeyListener(s.ctx, gone.listener, "k"))
		done(cache.AddListener(s.ctx, kept.listener))
		done(cache.RemoveKeyListener(s.ctx, gone.listener, "k"))
		must(cache.Put(s.ctx, "k", 1))
		same(kept.kinds(1), []string{"insert k"})
		same(len(gone.told), 0)
	})
	add("listener.remove.filter", func(s *scene) {
		cache, gone, kept := s.empty(), newEvents[person](), newEvents[person]()
		done(cache.AddFilterListener(s.ctx, gone.listener, old))
		done(cache.AddKeyListener(s.ctx, kept.listener, "k"))
		done(cache.RemoveFilterListener(s.ctx, gone.listener, old))
		aged(s, cache, "k", 60)
		same(kept.kinds(1), []string{"insert k"})
		same(len(gone.told), 0)
	})
	add("listener.several", func(s *scene) {
		cache, one, two, three := s.empty(), newEvents[person](), newEvents[person](), newEvents[person]()
		done(cache.AddListener(s.ctx, one.listener))
		done(cache.AddKeyListener(s.ctx, two.listener, "k"))
		done(cache.AddFilterListener(s.ctx, three.listener, old))
		aged(s, cache, "k", 60)
		for _, events := range []*events[person]{one, two, three} {
			same(events.kinds(1), []string{"insert k"})
		}
	})
	add("listener.processor", func(s *scene) {
		cache, events := s.people(), newEvents[person]()
		done(cache.AddListener(s.ctx, events.listener))
		onAda[int](s, cache, processors.Extractor[int]("age"))
		onAda[bool](s, cache, processors.Update("age", 1))
		onAda[person](s, cache, processors.ConditionalRemove(filters.Always()))
		same(events.kinds(2), []string{"update ada", "delete ada"})
	})
	add("map.on", func(s *scene) {
		cache, events, told := s.counts(), newEvents[int](), make(chan coherence.MapLifecycleEventType, 10)
		tell := func(event coherence.MapLifecycleEvent[string, int]) { told <- event.Type() }
		listener := coherence.NewMapLifecycleListener[string, int]().OnTruncated(tell).OnReleased(tell).OnDestroyed(tell)
		gone := coherence.NewMapLifecycleListener[string, int]().OnAny(tell)
		cache.AddLifecycleListener(listener)
		cache.AddLifecycleListener(gone)
		cache.RemoveLifecycleListener(gone)
		// An event shows that the event stream works: until then a truncate can go unheard.
		done(cache.AddListener(s.ctx, events.listener))
		must(cache.Put(s.ctx, "a", 1))
		events.kinds(1)
		done(cache.Truncate(s.ctx))
		same(await(told), coherence.Truncated)
		cache.Release()
		same(await(told), coherence.Released)
		same(len(told), 0)
	})
}

func initLives() {
	near := coherence.WithNearCache(&coherence.NearCacheOptions{HighUnits: 100})
	theirs := func(s *scene) counts { return must(coherence.GetNamedCache[string, int](s.open(), s.name)) }
	add("near.get", func(s *scene) {
		cache := open[int](s, "", near)
		must(theirs(s).Put(s.ctx, "a", 1))
		some(must(cache.Get(s.ctx, "a")), 1)
		some(must(cache.Get(s.ctx, "a")), 1)
		none(must(cache.Get(s.ctx, "none")))
		stats := cache.GetNearCacheStats()
		same([]int{int(stats.GetCacheHits()), stats.Size()}, []int{1, 1})
		stats.ResetStats()
		same(stats.GetTotalGets(), int64(0))
	})
	add("near.get_all", func(s *scene) {
		cache := open[int](s, "", near)
		done(cache.PutAll(s.ctx, map[string]int{"a": 1, "b": 2}))
		for range 2 {
			same(entries(cache.GetAll(s.ctx, []string{"a", "b"})), map[string]int{"a": 1, "b": 2})
		}
	})
	add("near.contains_key", func(s *scene) {
		cache := open[int](s, "", near)
		must(cache.Put(s.ctx, "a", 1))
		must(cache.Get(s.ctx, "a"))
		same([]bool{must(cache.ContainsKey(s.ctx, "a")), must(cache.ContainsKey(s.ctx, "b"))}, []bool{true, false})
	})
	add("near.changes_of_others", func(s *scene) {
		cache, other := open[int](s, "", near), theirs(s)
		must(other.Put(s.ctx, "a", 1))
		some(must(cache.Get(s.ctx, "a")), 1)
		must(other.Put(s.ctx, "a", 2))
		eventually("the new value", func() bool { value := must(cache.Get(s.ctx, "a")); return value != nil && *value == 2 })
		must(other.Remove(s.ctx, "a"))
		eventually("no value", func() bool { return must(cache.Get(s.ctx, "a")) == nil })
	})
	add("near.truncate", func(s *scene) {
		cache := open[int](s, "", near)
		must(cache.Put(s.ctx, "a", 1))
		must(cache.Get(s.ctx, "a"))
		done(cache.Truncate(s.ctx))
		eventually("no value", func() bool { return must(cache.Get(s.ctx, "a")) == nil })
	})
	add("near.clear", func(s *scene) {
		cache := open[int](s, "", near)
		must(cache.Put(s.ctx, "a", 1))
		must(cache.Get(s.ctx, "a"))
		done(cache.Clear(s.ctx))
		eventually("no value", func() bool { return must(cache.Get(s.ctx, "a")) == nil })
	})
	add("map.near_cache_stats", func(s *scene) { same(s.counts().GetNearCacheStats(), nil) })
	initSessions(theirs)
	add("coverage.map", coverage)
}

func initSessions(theirs func(s *scene) counts) {
	add("session.create", func(s *scene) {
		session := s.open()
		same([]any{session.IsClosed(), session.GetOptions().Scope, session.GetOptions().Format}, []any{false, "", "json"})
		same(int(session.GetProtocolVersion()), s.version)
		same(session.ID() != s.session.ID(), true)
	})
	add("session.get_cache", func(s *scene) {
		one, two := open[int](s, "-one"), open[int](s, "-two")
		must(one.Put(s.ctx, "a", 1))
		some(must(one.Get(s.ctx, "a")), 1)
		none(must(two.Get(s.ctx, "a")))
	})
	add("session.get_map", func(s *scene) {
		must(s.counts().Put(s.ctx, "a", 1))
		one := must(coherence.GetNamedMap[string, int](s.open(), s.name))
		some(must(one.Get(s.ctx, "a")), 1)
	})
	add("session.scope", func(s *scene) {
		cache := s.counts()
		must(cache.Put(s.ctx, "a", 1))
		other := must(coherence.GetNamedCache[string, int](s.open(coherence.WithScope("map-api")), s.name))
		must(other.Put(s.ctx, "a", 2))
		some(must(cache.Get(s.ctx, "a")), 1)
		some(must(other.Get(s.ctx, "a")), 2)
		done(other.Clear(s.ctx))
	})
	add("session.close", func(s *scene) {
		session, told := s.open(), make(chan coherence.SessionLifecycleEventType, 10)
		tell := func(event coherence.SessionLifecycleEvent) { told <- event.Type() }
		session.AddSessionLifecycleListener(coherence.NewSessionLifecycleListener().OnClosed(tell))
		gone := coherence.NewSessionLifecycleListener().OnAny(tell)
		session.AddSessionLifecycleListener(gone)
		session.RemoveSessionLifecycleListener(gone)
		cache := must(coherence.GetNamedCache[string, int](session, s.name))
		must(cache.Put(s.ctx, "a", 1))
		session.Close()
		same(await(told), coherence.Closed)
		same(session.IsClosed(), true)
		_, err := cache.Get(s.ctx, "a")
		refused(err)
	})
	add("map.on.destroyed_by_other", func(s *scene) {
		cache, other, events, own := s.counts(), theirs(s), newEvents[int](), newEvents[int]()
		told := lifecycle(coherence.NamedMap[string, int](other))
		// Events show that the event streams work: the reference can hang when they do not yet.
		done(other.AddListener(s.ctx, events.listener))
		done(cache.AddListener(s.ctx, own.listener))
		must(cache.Put(s.ctx, "a", 1))
		events.kinds(1)
		own.kinds(1)
		done(cache.Destroy(s.ctx))
		until(told, coherence.Destroyed)
	})
}

// What checks are called, where that is not the client's own name in lower case.
var called = map[string]string{
	"get_cache_name": "name", "get_session": "session", "get_near_cache_stats": "near_cache_stats", "key_set": "keys",
	"key_set_filter": "keys.filter", "values_filter": "values.filter", "entry_set": "entries",
	"entry_set_filter": "entries.filter", "put_with_expiry": "put.ttl", "put_all_with_expiry": "put_all.ttl",
	"add_lifecycle_listener": "on", "remove_lifecycle_listener": "on",
	// A cache has this method of the interface and panics; the functions of the same name do the work.
	"invoke_all": "invoke_all",
}

// coverage: whether every method of a cache has a check; listeners have an area of their own.
func coverage(*scene) {
	checked := map[string]bool{}
	for _, one := range checks {
		checked[one.name] = true
	}
	capitals, missing := regexp.MustCompile("([a-z])([A-Z])"), []string{}
	cache := reflect.TypeOf((*counts)(nil)).Elem()
	for n := range cache.NumMethod() {
		method := cache.Method(n)
		name := strings.ToLower(capitals.ReplaceAllString(method.Name, "${1}_$2"))
		if known, ok := called[name]; ok {
			name = known
		}
		if method.IsExported() && !strings.Contains(method.Name, "Listener") && !checked["map."+name] {
			missing = append(missing, method.Name)
		}
	}
	same(missing, []string{})
}

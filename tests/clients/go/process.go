package main

import (
	"github.com/oracle/coherence-go-client/v2/coherence"
	"github.com/oracle/coherence-go-client/v2/coherence/filters"
	"github.com/oracle/coherence-go-client/v2/coherence/processors"
)

var (
	adult  = filters.Greater(age, 30)
	child  = filters.Less(age, 18)
	absent = filters.Not(filters.Present())
)

type versioned struct {
	Version int    `json:"@version"`
	Name    string `json:"name"`
}

// onAda gives what a processor answers of Ada.
func onAda[R any](s *scene, cache people, processor processors.Processor) *R {
	return must(coherence.Invoke[string, person, R](s.ctx, cache, "ada", processor))
}

// reads checks a processor that leaves Ada as she is.
func reads[R any](name string, processor processors.Processor, expected R) {
	add(name, func(s *scene) {
		cache := s.people()
		some(onAda[R](s, cache, processor), expected)
		some(must(cache.Get(s.ctx, "ada")), s.everyone["ada"])
	})
}

func nothing(name string, processor processors.Processor) {
	add(name, func(s *scene) {
		cache := s.people()
		none(onAda[any](s, cache, processor))
		some(must(cache.Get(s.ctx, "ada")), s.everyone["ada"])
	})
}

func init() {
	reads("processor.extract", processors.Extractor[int]("age"), 36)
	reads("processor.extract.chained", processors.Extractor[string]("address.city"), "London")
	reads("processor.extract.list", processors.Extractor[[]string]("tags"), []string{"math", "code"})
	nothing("processor.extract.missing", processors.Extractor[string]("nick"))
	reads("processor.invoke_accessor", processors.InvokeAccessor("get", "age"), 36)
	reads("processor.invoke_accessor.size", processors.InvokeAccessor("size"), 6)
	reads("processor.invoke_accessor.is_empty", processors.InvokeAccessor("isEmpty"), false)
	nothing("processor.touch", processors.Touch())
	nothing("processor.preload", processors.Preload())
	reads("processor.when", processors.Extractor[int]("age").When(adult), 36)
	nothing("processor.when.not", processors.Extractor[int]("age").When(child))
	reads("processor.and_then", processors.Extractor[int]("age").AndThen(processors.Extractor[string]("name")),
		[]any{36.0, "Ada"})
	add("processor.and_then.changes", func(s *scene) {
		both := processors.Update("age", 50).AndThen(processors.Increment("age", 1))
		some(onAda[[]any](s, s.people(), both), []any{true, 51.0})
	})
	add("map.invoke", func(s *scene) {
		cache := s.people()
		some(onAda[int](s, cache, processors.Extractor[int]("age")), 36)
		none(must(coherence.Invoke[string, person, int](s.ctx, cache, "nobody", processors.Extractor[int]("age"))))
	})
	add("map.invoke_all", func(s *scene) {
		cache := s.people()
		same(entries(coherence.InvokeAll[string, person, int](s.ctx, cache, processors.Increment("age", 1))),
			map[string]int{"ada": 37, "ben": 26, "cleo": 42, "dan": 26, "eve": 59})
		same(must(cache.Get(s.ctx, "eve")).Age, 59)
	})
	add("map.invoke_all.keys", func(s *scene) {
		who := []string{"ada", "ben"}
		same(entries(coherence.InvokeAllKeys[string, person, int](s.ctx, s.people(), who, processors.Extractor[int]("age"))),
			map[string]int{"ada": 36, "ben": 25})
	})
	add("map.invoke_all.filter", func(s *scene) {
		same(entries(coherence.InvokeAllFilter[string, person, int](s.ctx, s.people(), red, processors.Extractor[int]("age"))),
			map[string]int{"ada": 36, "cleo": 41})
	})
	add("map.invoke_all.blind", func(s *scene) {
		cache, older := s.people(), processors.Increment("age", 1)
		done(coherence.InvokeAllBlind(s.ctx, cache, older))
		done(coherence.InvokeAllFilterBlind(s.ctx, cache, red, older))
		done(coherence.InvokeAllKeysBlind(s.ctx, cache, []string{"ada"}, older))
		found := []int{}
		for _, key := range everyKey {
			found = append(found, must(cache.Get(s.ctx, key)).Age)
		}
		same(found, []int{39, 26, 43, 26, 59})
	})
	add("processor.conditional_put", func(s *scene) {
		cache := s.people()
		none(onAda[person](s, cache, processors.ConditionalPut(adult, person{Age: 1})))
		some(must(cache.Get(s.ctx, "ada")), person{Age: 1})
		none(onAda[person](s, cache, processors.ConditionalPut(adult, person{Age: 2})))
		some(must(cache.Get(s.ctx, "ada")), person{Age: 1})
	})
	add("processor.conditional_put.absent", func(s *scene) {
		cache := s.empty()
		none(onAda[person](s, cache, processors.ConditionalPut(absent, person{Age: 1})))
		none(onAda[person](s, cache, processors.ConditionalPut(absent, person{Age: 2})))
		same(must(cache.Get(s.ctx, "ada")).Age, 1)
	})
	add("processor.conditional_put_all", func(s *scene) {
		cache := s.people()
		all := processors.ConditionalPutAll(adult, map[string]person{"ada": {Age: 1}, "ben": {Age: 2}, "cleo": {Age: 3}})
		done(coherence.InvokeAllKeysBlind(s.ctx, cache, []string{"ada", "ben"}, all))
		found := []int{}
		for _, key := range []string{"ada", "ben", "cleo"} {
			found = append(found, must(cache.Get(s.ctx, key)).Age)
		}
		same(found, []int{1, 25, 41})
	})
	add("processor.conditional_remove", func(s *scene) {
		cache := s.people()
		none(onAda[person](s, cache, processors.ConditionalRemove(child)))
		some(onAda[person](s, cache, processors.ConditionalRemove(child, true)), s.everyone["ada"])
		same(must(cache.ContainsKey(s.ctx, "ada")), true)
		none(onAda[person](s, cache, processors.ConditionalRemove(adult)))
		same(must(cache.ContainsKey(s.ctx, "ada")), false)
	})
	add("processor.increment", func(s *scene) {
		cache := s.people()
		some(onAda[int](s, cache, processors.Increment("age", 1)), 37)
		some(onAda[int](s, cache, processors.Increment("age", -2, true)), 37)
		same(must(cache.Get(s.ctx, "ada")).Age, 35)
		some(onAda[float64](s, cache, processors.Increment("score", 0.25)), 2.75)
	})
	add("processor.increment.missing", func(s *scene) {
		cache := s.people()
		some(onAda[int](s, cache, processors.Increment("visits", 3)), 3)
		same(must(cache.Get(s.ctx, "ada")).Visits, 3)
	})
	add("processor.increment.text", func(s *scene) {
		if s.version == 1 {
			// The v1 client closes a channel twice when a processor fails, which ends the program.
			return
		}
		cache := s.people()
		_, err := coherence.Invoke[string, person, int](s.ctx, cache, "ada", processors.Increment("name", 1))
		refused(err)
		same(must(cache.Get(s.ctx, "ada")).Name, "Ada")
	})
	add("processor.multiply", func(s *scene) {
		cache := s.people()
		some(onAda[int](s, cache, processors.Multiply("age", 2)), 72)
		some(onAda[int](s, cache, processors.Multiply("age", 0.5, true)), 72)
		same(must(cache.Get(s.ctx, "ada")).Age, 36)
	})
	add("processor.invoke_mutator", func(s *scene) {
		cache := s.people()
		some(onAda[int](s, cache, processors.InvokeMutator("remove", "age")), 36)
		same(must(cache.Get(s.ctx, "ada")).Age, 0)
	})
	add("processor.update", func(s *scene) {
		cache := s.people()
		some(onAda[bool](s, cache, processors.Update("age", 40)), true)
		some(onAda[bool](s, cache, processors.Update("nick", "A")), true)
		found := must(cache.Get(s.ctx, "ada"))
		same([]any{found.Age, found.Nick, found.Name}, []any{40, "A", "Ada"})
	})
	add("processor.update.nested", func(s *scene) {
		cache := s.people()
		some(onAda[bool](s, cache, processors.Update("address.city", "Turin")), true)
		// The client takes the path for the name of one property.
		some(must(cache.Get(s.ctx, "ada")).Address, address{"London", 11})
		some(onAda[string](s, cache, processors.InvokeAccessor("get", "address.city")), "Turin")
	})
	initVersioned()
}

func initVersioned() {
	put := func(s *scene, cache coherence.NamedCache[string, versioned], value versioned, insert, current bool) *versioned {
		return must(coherence.Invoke[string, versioned, versioned](s.ctx, cache, "a", processors.VersionedPut(value, insert, current)))
	}
	add("processor.versioned_put", func(s *scene) {
		cache := open[versioned](s, "")
		must(cache.Put(s.ctx, "a", versioned{1, "old"}))
		none(put(s, cache, versioned{1, "new"}, false, false))
		some(must(cache.Get(s.ctx, "a")), versioned{2, "new"})
		none(put(s, cache, versioned{1, "late"}, false, false))
		some(must(cache.Get(s.ctx, "a")), versioned{2, "new"})
	})
	add("processor.versioned_put.insert", func(s *scene) {
		cache := open[versioned](s, "")
		none(put(s, cache, versioned{1, "x"}, false, false))
		same(must(cache.ContainsKey(s.ctx, "a")), false)
		none(put(s, cache, versioned{1, "x"}, true, false))
		some(must(cache.Get(s.ctx, "a")), versioned{2, "x"})
	})
	add("processor.versioned_put.return", func(s *scene) {
		cache := open[versioned](s, "")
		must(cache.Put(s.ctx, "a", versioned{3, "old"}))
		some(put(s, cache, versioned{1, "x"}, false, true), versioned{3, "old"})
	})
	add("processor.versioned_put_all", func(s *scene) {
		cache := open[versioned](s, "")
		done(cache.PutAll(s.ctx, map[string]versioned{"a": {1, "old"}, "b": {2, "old"}}))
		all := processors.VersionedPutAll(map[string]versioned{"a": {1, "new"}, "b": {1, "new"}, "c": {1, "new"}}, true, false)
		done(coherence.InvokeAllKeysBlind(s.ctx, cache, []string{"a", "b", "c"}, all))
		same(entries(cache.EntrySet(s.ctx)), map[string]versioned{"a": {2, "new"}, "b": {2, "old"}, "c": {2, "new"}})
	})
	add("processor.versioned_put_all.return", func(s *scene) {
		cache := open[versioned](s, "")
		done(cache.PutAll(s.ctx, map[string]versioned{"a": {1, "old"}, "b": {2, "old"}}))
		all := processors.VersionedPutAll(map[string]versioned{"a": {1, "new"}, "b": {1, "new"}}, false, true)
		same(entries(coherence.InvokeAllKeys[string, versioned, versioned](s.ctx, cache, []string{"a", "b"}, all)),
			map[string]versioned{"b": {2, "old"}})
	})
}

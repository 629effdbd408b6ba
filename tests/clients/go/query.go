package main

import (
	"github.com/oracle/coherence-go-client/v2/coherence"
	"github.com/oracle/coherence-go-client/v2/coherence/extractors"
	"github.com/oracle/coherence-go-client/v2/coherence/filters"
)

var (
	age   = extractors.Extract[int]("age")
	score = extractors.Extract[float64]("score")
	name  = extractors.Extract[string]("name")
	team  = extractors.Extract[string]("team")
	nick  = extractors.Extract[string]("nick")
	tags  = extractors.Extract[[]string]("tags")
	tag   = extractors.Extract[string]("tags")
	zip   = extractors.Chained[any, int]("address.zip")
	red   = filters.Equal(team, "red")
	young = filters.Less(age, 40)
)

// asked has a check, a filter, and the keys of the people whom it lets through.
var asked = []struct {
	name     string
	filter   filters.Filter
	expected []string
}{
	{"filter.all", filters.All(red, young), []string{"ada"}},
	{"filter.always", filters.Always(), everyKey},
	{"filter.and", filters.And(red, young), []string{"ada"}},
	{"filter.and.method", red.And(young), []string{"ada"}},
	{"filter.any", filters.Any(red, young), []string{"ada", "ben", "cleo", "dan"}},
	{"filter.between", filters.Between(age, 25, 41), []string{"ada", "ben", "cleo", "dan"}},
	{"filter.contains", filters.Contains(tag, "art"), []string{"cleo", "eve"}},
	{"filter.contains_all", filters.ContainsAll(tag, "art", "math"), []string{"cleo", "eve"}},
	{"filter.contains_any", filters.ContainsAny(tag, "art", "math"), []string{"ada", "cleo", "eve"}},
	{"filter.equals", filters.Equal(age, 25), []string{"ben", "dan"}},
	{"filter.equals.text", filters.Equal(name, "Eve"), []string{"eve"}},
	{"filter.equals.double", filters.Equal(score, 2.5), []string{"ada"}},
	{"filter.equals.list", filters.Equal(tags, []string{"code"}), []string{"ben"}},
	{"filter.greater", filters.Greater(age, 36), []string{"cleo", "eve"}},
	{"filter.greater.text", filters.Greater(name, "Cleo"), []string{"dan", "eve"}},
	{"filter.greater_equals", filters.GreaterEqual(age, 36), []string{"ada", "cleo", "eve"}},
	{"filter.is_in", filters.In(team, []string{"red", "green"}), []string{"ada", "cleo", "dan"}},
	{"filter.is_none", filters.IsNil(nick), []string{"ada", "ben", "dan"}},
	{"filter.is_not_none", filters.IsNotNil(nick), []string{"cleo", "eve"}},
	{"filter.less", filters.Less(age, 36), []string{"ben", "dan"}},
	{"filter.less_equals", filters.LessEqual(age, 36), []string{"ada", "ben", "dan"}},
	{"filter.like", filters.Like(name, "_e%", false), []string{"ben"}},
	{"filter.like.ignore_case", filters.Like(name, "E%", true), []string{"eve"}},
	{"filter.negate", filters.Not(red), []string{"ben", "dan", "eve"}},
	{"filter.never", filters.Never(), []string{}},
	{"filter.not_equals", filters.NotEqual(team, "red"), []string{"ben", "dan", "eve"}},
	{"filter.or", filters.Or(red, young), []string{"ada", "ben", "cleo", "dan"}},
	{"filter.or.method", red.Or(young), []string{"ada", "ben", "cleo", "dan"}},
	{"filter.present", filters.Present(), everyKey},
	{"filter.regex", filters.Regex(name, "[A-C].*e?[ano]"), []string{"ada", "ben", "cleo"}},
	{"filter.xor", filters.Xor(red, young), []string{"ben", "cleo", "dan"}},
	{"filter.xor.method", red.Xor(young), []string{"ben", "cleo", "dan"}},
	{"extractor.extract", filters.Equal(age, 36), []string{"ada"}},
	{"extractor.extract.chained", filters.Equal(extractors.Extract[string]("address.city"), "Paris"), []string{"ben", "eve"}},
	{"extractor.extract.size", filters.Equal(extractors.Extract[int]("tags.size()"), 2), []string{"ada", "cleo"}},
	{"extractor.extract.length", filters.Equal(extractors.Extract[int]("name.length()"), 4), []string{"cleo"}},
	{"extractor.identity", filters.IsNil(extractors.Identity[any]()), []string{}},
	{"extractor.chained", filters.Equal(zip, 44), []string{"dan"}},
	{"extractor.multi", filters.Equal(extractors.Multi("team,age"), any([]any{"blue", 25})), []string{"ben"}},
}

func explain(s *scene, filter filters.Filter, recorder string) []step {
	return recorded(must(coherence.AggregateFilter(s.ctx, s.people(), filter, recorderOf(recorder))))
}

func init() {
	for _, one := range asked {
		add(one.name, func(s *scene) {
			same(keys(s.people().KeySetFilter(s.ctx, one.filter)), one.expected)
		})
	}
	add("map.keys.filter", func(s *scene) { same(keys(s.people().KeySetFilter(s.ctx, red)), []string{"ada", "cleo"}) })
	add("map.values.filter", func(s *scene) {
		same(names(values(s.people().ValuesFilter(s.ctx, red))), []string{"Ada", "Cleo"})
	})
	add("map.entries.filter", func(s *scene) {
		same(entries(s.people().EntrySetFilter(s.ctx, red)),
			map[string]person{"ada": s.everyone["ada"], "cleo": s.everyone["cleo"]})
	})
	add("filter.event", func(s *scene) {
		cache, events := s.empty(), newEvents[person]()
		inserted := filters.NewEventFilter(filters.MaskInserted, filters.Greater(age, 30))
		done(cache.AddFilterListener(s.ctx, events.listener, inserted))
		for _, key := range []string{"ben", "ada", "ada", "eve"} {
			must(cache.Put(s.ctx, key, s.everyone[key]))
		}
		same(events.kinds(2), []string{"insert ada", "insert eve"})
	})
	add("map.add_index", func(s *scene) {
		cache := s.people()
		done(coherence.AddIndex(s.ctx, cache, age, false))
		must(cache.Put(s.ctx, "fay", person{Age: 25}))
		same(keys(cache.KeySetFilter(s.ctx, filters.Equal(age, 25))), []string{"ben", "dan", "fay"})
	})
	add("map.add_index.ordered", func(s *scene) {
		cache := s.people()
		done(coherence.AddIndex(s.ctx, cache, zip, true))
		same(keys(cache.KeySetFilter(s.ctx, filters.Greater(zip, 30))), []string{"cleo", "dan", "eve"})
		must(cache.Remove(s.ctx, "dan"))
		same(keys(cache.KeySetFilter(s.ctx, filters.Greater(zip, 30))), []string{"cleo", "eve"})
	})
	add("map.add_index.comparator", func(s *scene) {
		cache := s.people()
		done(coherence.AddIndexWithComparator(s.ctx, cache, age, zip))
		same(keys(cache.KeySetFilter(s.ctx, red)), []string{"ada", "cleo"})
	})
	add("map.remove_index", func(s *scene) {
		cache := s.people()
		done(coherence.RemoveIndex(s.ctx, cache, age))
		done(coherence.AddIndex(s.ctx, cache, age, false))
		done(coherence.RemoveIndex(s.ctx, cache, age))
		same(keys(cache.KeySetFilter(s.ctx, filters.Equal(age, 25))), []string{"ben", "dan"})
	})
}

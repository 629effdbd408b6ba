package main

import (
	"encoding/json"
	"math/big"
	"sort"

	"github.com/oracle/coherence-go-client/v2/coherence"
	"github.com/oracle/coherence-go-client/v2/coherence/aggregators"
	"github.com/oracle/coherence-go-client/v2/coherence/extractors"
	"github.com/oracle/coherence-go-client/v2/coherence/filters"
)

// aggregated checks what an aggregator makes of all people.
func aggregated[R any](name string, aggregator aggregators.Aggregator[R], expected R) {
	add(name, func(s *scene) {
		some(must(coherence.Aggregate(s.ctx, s.people(), aggregator)), expected)
	})
}

func rational(name string, aggregator aggregators.Aggregator[big.Rat], expected string) {
	add(name, func(s *scene) {
		same(must(coherence.Aggregate(s.ctx, s.people(), aggregator)).RatString(), expected)
	})
}

// step is a step of a record of a query.
type step struct {
	Efficiency int `json:"efficiency"`
	Pre        int `json:"keySetSizePre"`
	Post       int `json:"keySetSizePost"`
	Lookups    []struct {
		Index string `json:"index"`
	} `json:"indexLookupRecords"`
}

func recorderOf(kind string) aggregators.Aggregator[map[string]any] {
	return aggregators.QueryRecorder(kind)
}

func recorded(record *map[string]any) []step {
	var found struct {
		Results []struct {
			Steps []step `json:"steps"`
		} `json:"results"`
	}
	done(json.Unmarshal(must(json.Marshal(record)), &found))
	if len(found.Results) != 1 {
		fail("one result", text(record))
	}
	return found.Results[0].Steps
}

func grouped[T any](s *scene, aggregator aggregators.Aggregator[T]) map[string]T {
	found := map[string]T{}
	for _, entry := range must(coherence.Aggregate(s.ctx, s.people(), aggregators.GroupBy(team, aggregator))).Entries {
		found[entry.Key] = entry.Value
	}
	return found
}

func init() {
	aggregated("aggregator.max", aggregators.Max(age), 58)
	aggregated("aggregator.min", aggregators.Min(age), 25)
	aggregated("aggregator.min.double", aggregators.Min(score), 0.5)
	rational("aggregator.sum", aggregators.Sum(age), "185")
	rational("aggregator.sum.double", aggregators.Sum(score), "25/2")
	rational("aggregator.average", aggregators.Average(age), "37")
	rational("aggregator.average.double", aggregators.Average(score), "5/2")
	aggregated("aggregator.count", aggregators.Count(), int64(5))
	rational("aggregator.priority", aggregators.Priority(0, 0, 0, aggregators.Sum(age)), "185")
	aggregated("aggregator.priority.schedule", aggregators.Priority(-1, 0, 2, aggregators.Count()), int64(5))

	add("map.aggregate", func(s *scene) {
		some(must(coherence.Aggregate(s.ctx, s.people(), aggregators.Count())), int64(5))
		some(must(coherence.Aggregate(s.ctx, open[person](s, "-empty"), aggregators.Count())), int64(0))
	})
	add("map.aggregate.keys", func(s *scene) {
		who := []string{"ada", "ben", "nobody"}
		some(must(coherence.AggregateKeys(s.ctx, s.people(), who, aggregators.Max(age))), 36)
	})
	add("map.aggregate.filter", func(s *scene) {
		some(must(coherence.AggregateFilter(s.ctx, s.people(), red, aggregators.Max(age))), 41)
	})
	add("aggregator.max.nobody", func(s *scene) {
		none(must(coherence.AggregateFilter(s.ctx, s.people(), filters.Never(), aggregators.Max(age))))
	})
	add("aggregator.distinct", func(s *scene) {
		found := *must(coherence.Aggregate(s.ctx, s.people(), aggregators.Distinct(age)))
		sort.Ints(found)
		same(found, []int{25, 36, 41, 58})
	})
	add("aggregator.top.descending", func(s *scene) {
		best := must(coherence.Aggregate(s.ctx, s.people(), aggregators.TopN[int, person](age, false, 2)))
		same(*best, []person{s.everyone["eve"], s.everyone["cleo"]})
	})
	add("aggregator.top.ascending", func(s *scene) {
		worst := must(coherence.Aggregate(s.ctx, s.people(), aggregators.TopN[float64, person](score, true, 2)))
		same(*worst, []person{s.everyone["ben"], s.everyone["dan"]})
	})
	add("aggregator.group_by", func(s *scene) {
		same(grouped(s, aggregators.Count()), map[string]int64{"red": 2, "blue": 2, "green": 1})
	})
	add("aggregator.group_by.max", func(s *scene) {
		same(grouped(s, aggregators.Max(age)), map[string]int{"red": 41, "blue": 58, "green": 25})
	})
	add("aggregator.reduce", func(s *scene) {
		reducer := aggregators.Reducer[string](extractors.Multi("name,age"))
		found := map[string][]any{}
		for _, entry := range must(coherence.AggregateFilter(s.ctx, s.people(), red, reducer)).Entries {
			found[entry.Key] = entry.Value
		}
		same(found, map[string][]any{"ada": {"Ada", 36.0}, "cleo": {"Cleo", 41.0}})
	})
	add("aggregator.record", func(s *scene) {
		steps := explain(s, filters.Equal(age, 25), aggregators.Explain)
		same([]bool{steps[0].Efficiency > 0, steps[0].Lookups[0].Index == ""}, []bool{true, true})
	})
	add("aggregator.record.index", func(s *scene) {
		cache := s.people()
		done(coherence.AddIndex(s.ctx, cache, age, false))
		record := must(coherence.AggregateFilter(s.ctx, cache, filters.Equal(age, 25), recorderOf(aggregators.Explain)))
		same(recorded(record)[0].Lookups[0].Index != "", true)
	})
	add("aggregator.record.trace", func(s *scene) {
		sizes := [][2]int{}
		for _, one := range explain(s, filters.Equal(age, 25), aggregators.Trace) {
			sizes = append(sizes, [2]int{one.Pre, one.Post})
		}
		same(sizes, [][2]int{{5, 5}, {5, 2}})
	})
}

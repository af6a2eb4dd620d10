package analysis

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lxsweep/lxsweep/sweep"
)

func record(number int, state sweep.State, hp map[string]sweep.Value, metrics ...sweep.Metric) *sweep.Record {
	return &sweep.Record{
		Name: "ex", Number: number, HP: sweep.NewObject(hp),
		Last: &sweep.Tried{Outcome: sweep.Outcome{State: state, Metrics: metrics}},
	}
}

func metric(name string, v float64) sweep.Metric {
	return sweep.Metric{Name: name, Last: v, Min: v - 1, Max: v + 1, Count: 3}
}

func order(rows []Row) (numbers, ranks []int) {
	for _, r := range rows {
		numbers, ranks = append(numbers, r.Record.Number), append(ranks, r.Rank)
	}
	return numbers, ranks
}

func TestLeaderboardByOneGoal(t *testing.T) {
	o := &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}}}
	rows := Leaderboard([]*sweep.Record{
		record(0, sweep.Succeeded, nil, metric("loss", 0.5)),
		record(1, sweep.Failed, nil, metric("loss", 0.1)),
		record(2, sweep.Succeeded, nil, metric("loss", 0.2)),
		record(3, sweep.Succeeded, nil, metric("accuracy", 0.9)),
		record(4, sweep.Succeeded, nil, metric("loss", 0.5)),
		{Name: "ex", Number: 5},
	}, o)
	numbers, ranks := order(rows)
	if d := cmp.Diff([]int{2, 0, 4, 1, 3, 5}, numbers); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{1, 2, 2, 0, 0, 0}, ranks); d != "" {
		t.Error(d)
	}
	if rows[4].State != sweep.NoResult || rows[5].State != sweep.Pending {
		t.Errorf("states are %s and %s", rows[4].State, rows[5].State)
	}
}

func TestLeaderboardPicksMinOrMax(t *testing.T) {
	o := &sweep.Objective{Goals: []sweep.Goal{{Metric: "accuracy", Maximize: true}}, Pick: sweep.PickMax}
	rows := Leaderboard([]*sweep.Record{record(0, sweep.Succeeded, nil, metric("accuracy", 5))}, o)
	if rows[0].Scores[0] != 6 {
		t.Errorf("score is %v, the maximum is 6", rows[0].Scores[0])
	}
}

func TestLeaderboardByParetoFront(t *testing.T) {
	o := &sweep.Objective{Goals: []sweep.Goal{{Metric: "loss"}, {Metric: "accuracy", Maximize: true}}}
	point := func(n int, loss, accuracy float64) *sweep.Record {
		return record(n, sweep.Succeeded, nil, metric("loss", loss), metric("accuracy", accuracy))
	}
	rows := Leaderboard([]*sweep.Record{point(0, 1, 1), point(1, 2, 2), point(2, 2, 1), point(3, 3, 1), point(4, 3, 3)}, o)
	numbers, ranks := order(rows)
	if d := cmp.Diff([]int{0, 1, 4, 2, 3}, numbers); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]int{1, 1, 1, 2, 3}, ranks); d != "" {
		t.Error(d)
	}
}

func TestVarying(t *testing.T) {
	got := Varying([]*sweep.Record{
		record(0, sweep.Succeeded, map[string]sweep.Value{"lr": sweep.Int(1), "depth": sweep.Int(2), "new": sweep.Int(0)}),
		record(1, sweep.Succeeded, map[string]sweep.Value{"lr": sweep.Int(3), "depth": sweep.Int(2)}),
	})
	if d := cmp.Diff([]string{"lr", "new"}, got); d != "" {
		t.Error(d)
	}
}

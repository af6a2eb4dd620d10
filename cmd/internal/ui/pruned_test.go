package ui

import "time"

// prunes are one of rounds, one of parts of a round, one of outputs that are the
// only ones to stay, and one of nothing.
func prunes() []*Pruned {
	night := time.Date(2026, 1, 31, 2, 10, 0, 0, time.Local)
	rounds := &Pruned{}
	rounds.Add(PrunedRound{"2026-01-30", night, 45, 51, 14 << 30, 300 << 10})
	rounds.Add(PrunedRound{"a-round-學\x1b[2J-of-a-name-that-goes-on", night.Add(time.Hour), 1000, 1200, 0, 12})
	rounds.Add(PrunedRound{"2026-01-30", night.Add(-time.Hour), 5, 5, 1 << 30, 0})
	rounds.Keep("2026-01-29", []string{"ex-1", "ex-2", "ex-3", "ex-4", "ex-5"})
	rounds.Keep("2026-01-29", []string{"ex-1"})
	rounds.Keep("", []string{"ex-9"})
	part := &Pruned{Partial: true, Elsewhere: 1}
	part.Add(PrunedRound{Applied: night, Experiments: 1, Attempts: 1})
	outputs := &Pruned{Outputs: true, Unsuccessful: 12, Elsewhere: 3}
	outputs.Add(PrunedRound{Round: "r", Applied: night, Experiments: 2, Attempts: 3, OutputBytes: 1500})
	for range few + 2 {
		outputs.Leave("ex-8", "/DATA/RUNS/OF-SOMEBODY/ex-8", "it holds output folders of other runs")
	}
	return []*Pruned{rounds, part, outputs, {}}
}

package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/lxsweep/lxsweep/sweep"
)

// Asked returns the sweeps that still ask for something, in every round, the
// first registered first.
func (l *Ledger) Asked(ctx context.Context) ([]sweep.Asked, error) {
	if l.read == nil {
		return nil, nil
	}
	var all []sweep.Asked
	err := l.query(ctx, `SELECT s.source, s.round, s.name, s.objective, s.asked FROM sweeps s
		WHERE EXISTS (SELECT 1 FROM memberships m WHERE m.sweep_id = s.id AND m.wanted = 1) ORDER BY s.id`, nil, func(rows *sql.Rows) error {
		var a sweep.Asked
		var objective, when string
		if err := rows.Scan(&a.Source, &a.Round, &a.Sweep, &objective, &when); err != nil {
			return err
		}
		if objective != "" {
			if err := json.Unmarshal([]byte(objective), &a.Objective); err != nil {
				return fmt.Errorf("the objective of sweep %q: %w", a.Sweep, err)
			}
		}
		var err error
		a.When, err = readTime(when)
		all = append(all, a)
		return err
	})
	return all, err
}

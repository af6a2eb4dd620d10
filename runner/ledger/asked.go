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
	err := l.query(ctx, `SELECT s.source, s.round, s.name, s.objective, s.asked, a.newest, a.began
		FROM sweeps s JOIN (SELECT source, round, max(id) AS newest, min(started) AS began FROM applies GROUP BY source, round) a
			ON a.source = s.source AND a.round = s.round
		WHERE EXISTS (SELECT 1 FROM memberships m WHERE m.sweep_id = s.id AND m.wanted = 1) ORDER BY s.id`, nil, func(rows *sql.Rows) error {
		var a sweep.Asked
		var text, when, began string
		if err := rows.Scan(&a.Source, &a.Round, &a.Sweep, &text, &when, &a.Apply, &began); err != nil {
			return err
		}
		p, err := readPurpose(text)
		if err != nil {
			return fmt.Errorf("the objective of sweep %q: %w", a.Sweep, err)
		}
		a.Objective, a.Repeated = p.Objective, p.Repeated
		if a.When, err = readTime(when); err != nil {
			return err
		}
		a.Began, err = readTime(began)
		all = append(all, a)
		return err
	})
	return all, err
}

// purpose is the column sweeps.objective: an objective's fields and, where the
// sweep repeats its points, the paths in which the repeats differ.
type purpose struct {
	*sweep.Objective
	Repeated []string `json:"repeated,omitempty"`
}

func readPurpose(text string) (p purpose, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &p)
	}
	return p, err
}

// purposeText is empty for a sweep that says neither.
func purposeText(e *sweep.Experiment) (string, error) {
	if e.Objective == nil && e.Repeated == nil {
		return "", nil
	}
	text, err := json.Marshal(purpose{e.Objective, e.Repeated})
	return string(text), err
}

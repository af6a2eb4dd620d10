package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
)

// migration takes the schema from the version before to the next one. A
// migration that was released never changes; the words in braces are
// dialect.go's.
type migration []string

// migrations in order: migrations[0] makes version 1.
var migrations = []migration{schema1, schema2}

// schema2 is for ledgers that live long and for those that machines share: what
// was pruned, and logs that can be read where their files are not.
var schema2 = migration{
	`ALTER TABLE attempts ADD COLUMN pruned_at TEXT`,
	`CREATE TABLE logs (
		attempt_id BIGINT PRIMARY KEY REFERENCES attempts (id),
		size BIGINT NOT NULL,
		gzip {bytes} NOT NULL)`,
}

var schema1 = migration{
	`CREATE TABLE meta (ledger_id TEXT NOT NULL, created TEXT NOT NULL)`,
	`CREATE TABLE experiments (
		id {id},
		experiment_name TEXT NOT NULL,
		number BIGINT NOT NULL,
		round TEXT NOT NULL,
		point TEXT NOT NULL,
		key TEXT NOT NULL UNIQUE,
		hp {json} NOT NULL,
		created TEXT NOT NULL,
		UNIQUE (experiment_name, number))`,
	`CREATE INDEX experiments_round ON experiments (round)`,
	`CREATE TABLE applies (
		id {id},
		source TEXT NOT NULL,
		round TEXT NOT NULL,
		started TEXT NOT NULL,
		ended TEXT,
		session TEXT NOT NULL,
		command TEXT NOT NULL,
		host TEXT NOT NULL,
		pid BIGINT NOT NULL,
		username TEXT NOT NULL,
		version TEXT NOT NULL,
		git_commit TEXT NOT NULL,
		git_dirty INTEGER NOT NULL)`,
	`CREATE TABLE sweeps (
		id {id},
		source TEXT NOT NULL,
		round TEXT NOT NULL,
		name TEXT NOT NULL,
		objective TEXT NOT NULL DEFAULT '',
		asked TEXT NOT NULL DEFAULT '',
		UNIQUE (source, round, name))`,
	`CREATE TABLE memberships (
		sweep_id BIGINT NOT NULL REFERENCES sweeps (id),
		experiment_id BIGINT NOT NULL REFERENCES experiments (id),
		wanted INTEGER NOT NULL,
		apply_id BIGINT NOT NULL REFERENCES applies (id),
		PRIMARY KEY (sweep_id, experiment_id)) {clustered}`,
	`CREATE INDEX memberships_experiment ON memberships (experiment_id)`,
	`CREATE TABLE attempts (
		id {id},
		experiment_id BIGINT NOT NULL REFERENCES experiments (id),
		number BIGINT NOT NULL,
		apply_id BIGINT REFERENCES applies (id),
		work TEXT NOT NULL,
		command TEXT NOT NULL,
		script TEXT NOT NULL,
		why TEXT NOT NULL,
		state TEXT NOT NULL,
		class TEXT NOT NULL DEFAULT '',
		reason TEXT NOT NULL DEFAULT '',
		tail TEXT NOT NULL DEFAULT '',
		code BIGINT,
		runner TEXT NOT NULL,
		host TEXT NOT NULL,
		boot TEXT NOT NULL,
		ref TEXT NOT NULL DEFAULT '',
		intended_at TEXT NOT NULL,
		started_at TEXT,
		ended_at TEXT,
		output_dir TEXT NOT NULL,
		log TEXT NOT NULL DEFAULT '',
		git_commit TEXT NOT NULL,
		git_dirty INTEGER NOT NULL,
		result {bytes},
		result_error TEXT NOT NULL DEFAULT '',
		pattern TEXT NOT NULL DEFAULT '',
		UNIQUE (experiment_id, number))`,
	`CREATE INDEX attempts_open ON attempts (experiment_id) WHERE ` + isOpen,
	`CREATE TABLE metrics (
		attempt_id BIGINT NOT NULL REFERENCES attempts (id),
		name TEXT NOT NULL,
		last DOUBLE PRECISION,
		min DOUBLE PRECISION,
		max DOUBLE PRECISION,
		count BIGINT NOT NULL,
		step BIGINT,
		PRIMARY KEY (attempt_id, name)) {clustered}`,
	`CREATE TABLE equivalents (
		experiment_id BIGINT NOT NULL REFERENCES experiments (id),
		work TEXT NOT NULL,
		accepted_at TEXT NOT NULL,
		PRIMARY KEY (experiment_id, work)) {clustered}`,
	`CREATE TABLE epochs (
		experiment_name TEXT PRIMARY KEY,
		epoch BIGINT NOT NULL,
		next_number BIGINT NOT NULL,
		session TEXT NOT NULL,
		host TEXT NOT NULL,
		pid BIGINT NOT NULL,
		username TEXT NOT NULL,
		command TEXT NOT NULL,
		since TEXT NOT NULL,
		released TEXT)`,
	`CREATE TABLE requests (
		id {id},
		experiment_name TEXT NOT NULL,
		run_names TEXT NOT NULL,
		sweep TEXT NOT NULL,
		reason TEXT NOT NULL,
		requested_by TEXT NOT NULL,
		requested_at TEXT NOT NULL,
		acknowledged_at TEXT,
		answer TEXT NOT NULL DEFAULT '')`,
	`CREATE VIEW runs AS
		SELECT e.experiment_name || '-' || e.number AS run_name, e.id AS experiment_id,
			e.experiment_name, e.number, e.round, e.hp, e.created,
			coalesce(a.state, 'pending') AS state, a.class, a.reason, a.code,
			a.id AS attempt_id, a.number AS attempt, a.runner, a.host,
			a.intended_at, a.started_at, a.ended_at, {seconds} AS seconds,
			a.command, a.output_dir, a.log, a.result, a.git_commit, a.git_dirty
		FROM experiments e LEFT JOIN attempts a ON ` + isNewest,
	`CREATE VIEW results AS
		SELECT r.*, m.name AS metric, m.last, m.min, m.max, m.count, m.step
		FROM runs r JOIN metrics m ON m.attempt_id = r.attempt_id`,
}

const (
	// isOpen is true of an attempt without an end. The partial index answers
	// queries that use these very words.
	isOpen = `state IN ('pending', 'queued', 'running')`
	// isNewest joins experiments e to its newest attempt a.
	isNewest = `a.experiment_id = e.id AND a.number = (SELECT max(n.number) FROM attempts n WHERE n.experiment_id = e.id)`
)

// versionOf reads the schema's version: 0 for a place without any table.
// It is ErrNotLedger if the place holds something else.
func (d *dialect) versionOf(ctx context.Context, q querier) (int, error) {
	var tables, ours, version int
	if err := q.QueryRowContext(ctx, d.hasTable, "schema_versions").Scan(&ours); err != nil {
		return 0, err
	}
	if ours == 1 {
		err := q.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_versions`).Scan(&version)
		return version, err
	}
	if err := q.QueryRowContext(ctx, d.tableCount).Scan(&tables); err != nil {
		return 0, err
	}
	if tables > 0 {
		return 0, fmt.Errorf("%w: it is a database with other tables", ErrNotLedger)
	}
	return 0, nil
}

// upgrade brings the schema to the newest of steps, in one transaction.
func upgrade(ctx context.Context, w *writer, steps []migration, now string) error {
	version, err := w.dialect.versionOf(ctx, w.conn)
	if err != nil || version == len(steps) {
		return err
	}
	if version > len(steps) {
		return newer(version, len(steps))
	}
	return w.transact(ctx, func(t *tx) error {
		if version == 0 {
			if err := t.run(`CREATE TABLE schema_versions (version BIGINT PRIMARY KEY, applied TEXT NOT NULL)`); err != nil {
				return err
			}
		}
		for i := version; i < len(steps); i++ {
			if err := migrate(t, steps[i], i+1, now); err != nil {
				return err
			}
		}
		if version > 0 {
			return nil
		}
		return t.run(`INSERT INTO meta (ledger_id, created) VALUES ($1, $2)`, randomID(), now)
	})
}

func migrate(t *tx, m migration, version int, now string) error {
	for _, statement := range m {
		if err := t.run(t.w.dialect.ddl.Replace(statement)); err != nil {
			return fmt.Errorf("schema version %d: %w", version, err)
		}
	}
	return t.run(`INSERT INTO schema_versions (version, applied) VALUES ($1, $2)`, version, now)
}

func newer(got, known int) error {
	return fmt.Errorf("%w: its schema is version %d, this lxsweep knows %d", ErrNewer, got, known)
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// querier is what a connection, a pool and a transaction have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

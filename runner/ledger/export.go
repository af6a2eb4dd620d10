package ledger

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// An export is JSON lines: a heading; for each table its name and columns, and
// its rows as lists; the number of all rows. A ledger gives the same bytes
// wherever it is.

// exported are the tables in the order in which they refer to each other, with
// the columns that tell their rows apart first.
var exported = []struct {
	table   string
	key     int // how many of the columns order the rows
	columns string
}{
	{"experiments", 1, "id experiment_name number round point key hp created"},
	{"applies", 1, "id source round started ended session command host pid username version git_commit git_dirty"},
	{"sweeps", 1, "id source round name objective asked"},
	{"memberships", 2, "sweep_id experiment_id wanted apply_id"},
	{"attempts", 1, "id experiment_id number apply_id work command script why state class reason tail code runner host boot ref " +
		"intended_at started_at ended_at output_dir log git_commit git_dirty result result_error pattern pruned_at"},
	{"metrics", 2, "attempt_id name last min max count step"},
	{"equivalents", 2, "experiment_id work accepted_at"},
	{"epochs", 1, "experiment_name epoch next_number session host pid username command since released"},
	{"requests", 1, "id experiment_name run_names sweep reason requested_by requested_at acknowledged_at answer"},
	{"logs", 1, "attempt_id size gzip"},
}

// heading is the first line of an export.
type heading struct {
	Version int    `json:"lxsweep_ledger"` // of the schema
	ID      string `json:"id"`
	Created string `json:"created"`
}

// section begins a table.
type section struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// ending is the last line.
type ending struct {
	Rows int `json:"rows"`
}

// blob is a value of bytes that are no text.
type blob struct {
	Bytes []byte `json:"bytes"`
}

// Export writes all that the ledger holds, as it is at one moment, and returns
// how many experiments there are.
func (l *Ledger) Export(ctx context.Context, w io.Writer) (experiments int, err error) {
	t, err := l.read.BeginTx(ctx, &l.dialect.snapshot)
	if err != nil {
		return 0, failed(l.path, "reading", err)
	}
	defer func() { _ = t.Rollback() }() // nothing was written
	b := bufio.NewWriterSize(w, 1<<16)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	h := heading{Version: len(migrations)}
	if err := t.QueryRowContext(ctx, `SELECT ledger_id, created FROM meta`).Scan(&h.ID, &h.Created); err != nil {
		return 0, failed(l.path, "reading", err)
	}
	if err := e.Encode(h); err != nil {
		return 0, err
	}
	var end ending
	for i, x := range exported {
		columns := strings.Fields(x.columns)
		if err := e.Encode(section{x.table, columns}); err != nil {
			return 0, err
		}
		n, err := exportTable(ctx, t, e, x.table, columns, x.key)
		if err != nil {
			return 0, failed(l.path, "exporting", err)
		}
		if i == 0 {
			experiments = n
		}
		end.Rows += n
	}
	return experiments, errors.Join(e.Encode(end), b.Flush())
}

func exportTable(ctx context.Context, q querier, e *json.Encoder, table string, columns []string, key int) (n int, err error) {
	rows, err := q.QueryContext(ctx, `SELECT `+strings.Join(columns, ", ")+` FROM `+table+` ORDER BY `+strings.Join(columns[:key], ", "))
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	err = eachRow(rows, err, func(rows *sql.Rows) error {
		n++
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range values {
			values[i] = portable(v)
		}
		return e.Encode(values)
	})
	return n, err
}

// portable is a value as JSON has it.
func portable(v any) any {
	switch v := v.(type) {
	case []byte:
		if utf8.Valid(v) {
			return string(v)
		}
		return blob{v}
	case float64:
		if math.IsInf(v, 0) {
			return fmt.Sprint(v) // +Inf, -Inf
		}
	}
	return v
}

// Import reads an export into an empty ledger, all or nothing, and makes it the
// ledger that was exported. It returns how many experiments there are.
func (l *Ledger) Import(ctx context.Context, r io.Reader) (experiments int, err error) {
	if l.write == nil {
		return 0, failed(l.path, "importing into", ErrReadOnly)
	}
	m := &importing{}
	err = l.writeAlone(ctx, func(t *tx) error {
		if m.t != nil {
			return m.again(t) // r is read once
		}
		m.t = t
		if err := isEmpty(t); err != nil {
			return err
		}
		return m.all(r)
	})
	if err != nil {
		return 0, err
	}
	l.id = m.id
	return m.experiments, nil
}

func isEmpty(t *tx) error {
	for _, table := range []string{"experiments", "applies", "epochs", "requests"} {
		var rows int
		if err := t.row(`SELECT count(*) FROM `+table, nil, &rows); err != nil {
			return err
		}
		if rows > 0 {
			return ErrNotEmpty
		}
	}
	return nil
}

// again tells, after the connection was lost, whether the import has committed.
func (m *importing) again(t *tx) error {
	var id string
	if err := t.row(`SELECT ledger_id FROM meta`, nil, &id); err != nil {
		return err
	}
	if id == m.id {
		return errDone
	}
	return errors.New("the connection was lost in the middle, and nothing was imported: import it again")
}

func (m *importing) all(r io.Reader) error {
	d := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	d.UseNumber()
	var h heading
	if err := d.Decode(&h); err != nil || h.Version == 0 || h.ID == "" {
		return errors.New("it is no export of a ledger: its first line is not that of one")
	}
	if h.Version != len(migrations) {
		return fmt.Errorf("%w: its schema is version %d, this lxsweep's is %d: export it with the same lxsweep", errBadExport, h.Version, len(migrations))
	}
	m.id = h.ID
	if _, err := m.t.exec(`UPDATE meta SET ledger_id = $1, created = $2`, h.ID, h.Created); err != nil {
		return err
	}
	for {
		var line json.RawMessage
		if err := d.Decode(&line); err != nil {
			return fmt.Errorf("%w: it ends in the middle, after %d rows (%v)", errBadExport, m.rows, err)
		}
		if done, err := m.line(line); err != nil || done {
			return err
		}
	}
}

var errBadExport = errors.New("the file is not whole, or was changed")

// importing is an import between two lines.
type importing struct {
	t           *tx
	id          string // of the ledger
	table       string
	columns     []string
	insert      string
	rows        int
	experiments int
}

// line takes a line; done says that it was the last.
func (m *importing) line(line []byte) (done bool, err error) {
	if line[0] == '[' {
		return false, m.row(line)
	}
	var x struct {
		section
		Rows *int `json:"rows"`
	}
	if err := unmarshal(line, &x); err != nil {
		return false, fmt.Errorf("%w: %w", errBadExport, err)
	}
	if x.Rows == nil {
		return false, m.begin(x.section)
	}
	if *x.Rows != m.rows {
		return false, fmt.Errorf("%w: it has %d rows and should have %d", errBadExport, m.rows, *x.Rows)
	}
	return true, m.t.w.dialect.afterImport(m.t)
}

// begin takes what a table is known to have, and nothing else: names are no
// parameters.
func (m *importing) begin(s section) error {
	for _, x := range exported {
		if x.table != s.Table || x.columns != strings.Join(s.Columns, " ") {
			continue
		}
		params := make([]string, len(s.Columns))
		for i := range params {
			params[i] = fmt.Sprintf("$%d", i+1)
		}
		m.table, m.columns = s.Table, s.Columns
		m.insert = `INSERT INTO ` + s.Table + ` (` + strings.Join(s.Columns, ", ") + `) VALUES (` + strings.Join(params, ", ") + `)`
		return nil
	}
	return fmt.Errorf("%w: it has a table %q that is not known", errBadExport, s.Table)
}

func (m *importing) row(line []byte) error {
	var values []any
	if err := unmarshal(line, &values); err != nil || len(values) != len(m.columns) || m.insert == "" {
		return fmt.Errorf("%w: row %d of %s", errBadExport, m.rows+1, m.table)
	}
	for i := range values {
		var err error
		if values[i], err = m.value(m.columns[i], values[i]); err != nil {
			return err
		}
	}
	m.rows++
	if m.table == "experiments" {
		m.experiments++
	}
	_, err := m.t.exec(m.insert, values...)
	return err
}

// value is a JSON value as the column takes it.
func (m *importing) value(column string, v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if m.table == "metrics" && (column == "last" || column == "min" || column == "max") {
			return v.Float64()
		}
		return v.Int64()
	case string:
		switch {
		case v == "+Inf" && m.table == "metrics" && column != "name":
			return math.Inf(1), nil
		case v == "-Inf" && m.table == "metrics" && column != "name":
			return math.Inf(-1), nil
		case column == "result" || column == "gzip":
			return m.t.w.dialect.bytes([]byte(v)), nil
		}
	case map[string]any:
		text, _ := v["bytes"].(string)
		var b blob
		err := json.Unmarshal([]byte(`{"bytes":"`+text+`"}`), &b)
		return m.t.w.dialect.bytes(b.Bytes), err
	}
	return v, nil
}

// unmarshal keeps numbers as they are written.
func unmarshal(line []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(line)))
	d.UseNumber()
	return d.Decode(into)
}

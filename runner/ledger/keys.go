package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/lxsweep/lxsweep/sweep"
)

// keyIndex finds experiments by key without asking the database: most points of
// a large plan are unknown, and saying so should cost next to nothing. It holds
// the first eight bytes of every key, which may find a wrong row but never
// misses one.
type keyIndex struct {
	asked int   // keys looked up so far
	last  int64 // the newest experiment in ids
	ids   map[uint64]int64
	// twice holds the rows beyond the first with the same first bytes.
	twice map[uint64][]int64
}

// narrow returns the ids of experiments that may have one of keys, or says that
// the index does not pay yet.
func (l *Ledger) narrow(ctx context.Context, keys []sweep.Hash) (ids []int64, indexed bool, err error) {
	var newest int64
	err = l.query(ctx, `SELECT coalesce(max(id), 0) FROM experiments`, nil, func(rows *sql.Rows) error { return rows.Scan(&newest) })
	if err != nil || newest == 0 {
		return nil, true, err
	}
	l.keysMu.Lock()
	defer l.keysMu.Unlock()
	l.keys.asked += len(keys)
	if l.keys.ids == nil && int64(l.keys.asked) < newest/8 {
		return nil, false, nil
	}
	if err := l.keys.load(ctx, l, newest); err != nil {
		return nil, false, err
	}
	return l.keys.find(keys), true, nil
}

// load reads the rows after the last one read: ids only grow. A row that was
// pruned meanwhile stays in the index, and is not found in the database.
func (x *keyIndex) load(ctx context.Context, l *Ledger, newest int64) error {
	if x.ids == nil {
		x.ids, x.twice = make(map[uint64]int64, newest), map[uint64][]int64{}
	}
	if x.last >= newest {
		return nil
	}
	var text sql.RawBytes
	return l.query(ctx, `SELECT id, key FROM experiments WHERE id > $1 ORDER BY id`, []any{x.last}, func(rows *sql.Rows) error {
		var id int64
		if err := rows.Scan(&id, &text); err != nil {
			return err
		}
		var head [8]byte
		if _, err := hex.Decode(head[:], text[:min(16, len(text))]); err != nil {
			return err
		}
		x.add(binary.BigEndian.Uint64(head[:]), id)
		return nil
	})
}

func (x *keyIndex) add(head uint64, id int64) {
	if _, taken := x.ids[head]; taken {
		x.twice[head] = append(x.twice[head], id)
	} else {
		x.ids[head] = id
	}
	x.last = id
}

// find returns the ids of the rows that may have one of keys.
func (x *keyIndex) find(keys []sweep.Hash) []int64 {
	var ids []int64
	for _, key := range keys {
		head := binary.BigEndian.Uint64(key[:8])
		if id, ok := x.ids[head]; ok {
			ids = append(ids, id)
			ids = append(ids, x.twice[head]...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// keyText is a condition on keys; they are hexadecimal, so nothing to quote.
func keyText(keys []sweep.Hash) string {
	b := make([]byte, 0, 67*len(keys)+8)
	b = append(b, "key IN "...)
	for i, key := range keys {
		b = append(b, "(,"[min(i, 1)], '\'')
		b = hex.AppendEncode(b, key[:])
		b = append(b, '\'')
	}
	return string(append(b, ')'))
}

package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/sheaf-dev/sheaf"
)

// Counts are how many rows a check has looked at.
type Counts struct {
	Documents, Versions, LogEntries int64
}

// A consistencyRule is a query for documents that break what the catalog
// promises.
type consistencyRule struct {
	message string
	query   string // one column: the id of a document
}

var consistencyRules = []consistencyRule{
	{"its collection does not exist", `
		select d.id from documents d left join collections c on c.pk = d.collection where c.pk is null`},
	{"its current version is missing or has another content", `
		select d.id from documents d left join versions v on v.document = d.pk and v.n = d.version
		where d.version > 0 and (v.n is null or v.digest <> d.digest or v.size <> d.size or v.mime <> d.mime)`},
	{"its current version is purged", `
		select d.id from documents d join versions v on v.document = d.pk and v.n = d.version
		where d.purged = 0 and v.purged = 1`},
	{"its versions are not numbered without gaps", `
		select d.id from documents d
		where (select count(*) <> coalesce(max(n), 0) or coalesce(max(n), 0) < d.version from versions v where v.document = d.pk)`},
	{"its current state is not what the document says", `
		select d.id from documents d
		left join states s on s.document = d.pk and s.layer = '' and s.stay = d.stay and s.rev_from = d.rev
		where d.deleted <> 2 and (s.document is null or s.rev_to <> 9223372036854775807
			or s.version <> d.version or s.name <> d.name or s.path <> d.path or s.path_key <> d.path_key or s.filename <> d.filename
			or s.description <> d.description or s.tags <> d.tags or s.metadata <> d.metadata
			or s.deleted <> d.deleted or s.collection <> d.collection)`},
	{"it is said to be in layers only, and is not", `
		select d.id from documents d
		where d.deleted = 2 and (not exists (select 1 from states s where s.document = d.pk and s.layer <> '')
			or exists (select 1 from states s where s.document = d.pk and s.layer = ''))`},
	{"a layer has a version of it that is not there", `
		select distinct d.id from states s
		join documents d on d.pk = s.document
		left join versions v on v.document = s.document and v.n = s.version
		where s.layer <> '' and v.n is null`},
	{"a layer has a version of it that is purged", `
		select distinct d.id from states s
		join documents d on d.pk = s.document
		join versions v on v.document = s.document and v.n = s.version
		where s.layer <> '' and s.deleted = 0 and s.rev_to = 9223372036854775807 and (d.purged = 1 or v.purged = 1)`},
	{"its states leave a gap or overlap", `
		select distinct d.id from (
			select document, stay, rev_from, rev_to, collection, lead(stay) over w as next_stay,
				lead(rev_from) over w as next_from, lead(collection) over w as next_collection
			from states
			window w as (partition by document, layer order by stay, rev_from)) s
		join documents d on d.pk = s.document
		where case
			when next_stay is null then rev_to <> 9223372036854775807
			when next_stay = s.stay then rev_to <> next_from or next_collection <> s.collection
			else next_stay <> s.stay + 1 or next_collection = s.collection or rev_to <= rev_from
		end`},
	{"it left a collection and came to another one at different times", `
		select distinct d.id from states s
		join documents d on d.pk = s.document
		join collections c on c.pk = s.collection
		join log l on l.stream = c.name and l.rev = s.rev_from
		join states o on o.document = s.document and o.layer = '' and o.stay = s.stay - 1
			and o.rev_from = (select max(p.rev_from) from states p where p.document = s.document and p.layer = '' and p.stay = o.stay)
		join collections oc on oc.pk = o.collection
		left join log ol on ol.stream = oc.name and ol.rev = o.rev_to
		where s.layer = '' and s.stay > 0 and not exists (
			select 1 from states p where p.document = s.document and p.layer = '' and p.stay = s.stay and p.rev_from < s.rev_from)
			and (ol.at is null or ol.at <> l.at)`},
	{"a state of it has no log entry", `
		select distinct d.id from states s
		join documents d on d.pk = s.document
		join collections c on c.pk = s.collection
		left join log l on l.stream = c.name and l.rev = s.rev_from
		where l.id is null`},
	{"a content of it has no live blob", `
		select distinct d.id from versions v
		join documents d on d.pk = v.document
		join collections c on c.pk = d.collection
		left join blobs b on b.digest = v.digest and b.backend = ` + home(`v.digest`) + ` and b.domain = ''
		where d.purged = 0 and v.purged = 0 and (b.state is null or b.state <> 1)`},
	{"a content of it and its blob disagree about the size", `
		select distinct d.id from versions v
		join documents d on d.pk = v.document
		join collections c on c.pk = d.collection
		join blobs b on b.digest = v.digest and b.backend in (c.backend, c.second) and b.domain = ''
		where d.purged = 0 and v.purged = 0 and b.size <> v.size`},
	{"a relation of it leads to a document that does not exist or is purged", `
		select d.id from relations r join documents d on d.pk = r.origin left join documents o on o.pk = r.target
		where o.pk is null or o.purged = 1
		union
		select d.id from relations r join documents d on d.pk = r.target left join documents o on o.pk = r.origin
		where o.pk is null or o.purged = 1`},
}

// Check looks at one moment of the catalog: the engine's own structures, every
// rule between the tables, and the chain of the log. It calls problem for
// everything wrong. Full also compares every index with its table, and the
// listing index with the documents. One check runs at a time.
func (c *Catalog) Check(ctx context.Context, full bool, problem func(area, message string, documents ...sheaf.DocumentID)) (counts Counts, err error) {
	err = c.longSnapshot(ctx, func(v *View) error {
		if err := v.checkIntegrity(full, problem); err != nil {
			return err
		}
		for _, rule := range consistencyRules {
			if err := ctx.Err(); err != nil {
				return err
			}
			var broken []sheaf.DocumentID
			err := v.conn.rows(rule.query, nil, func(scan func(...any) error) error {
				var id sheaf.DocumentID
				err := scan(&id)
				broken = append(broken, id)
				return err
			})
			if err != nil {
				return err
			}
			for _, id := range broken {
				problem("catalog", fmt.Sprintf("the document %s: %s", id, rule.message), id)
			}
		}
		if err := v.checkRelationCycles(ctx, problem); err != nil {
			return err
		}
		if counts.LogEntries, err = v.checkLog(ctx, problem); err != nil {
			return err
		}
		if full {
			if err := v.checkListingIndex(ctx, problem); err != nil {
				return err
			}
		}
		_, err := v.conn.row(`select (select count(*) from documents), (select count(*) from versions)`,
			nil, &counts.Documents, &counts.Versions)
		return err
	})
	return counts, err
}

func (v *View) checkIntegrity(full bool, problem func(area, message string, documents ...sheaf.DocumentID)) error {
	err := v.conn.rows(integrityStatement(full), nil, func(scan func(...any) error) error {
		var line string
		if err := scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			problem("catalog", "the database file: "+line)
		}
		return nil
	})
	var damaged *sheaf.Error
	if errors.As(err, &damaged) && damaged.Kind == sheaf.ErrDamaged {
		problem("catalog", damaged.Error())
		return nil
	}
	return err
}

// checkListingIndex looks for documents that the listing index covers and would
// not find.
func (v *View) checkListingIndex(ctx context.Context, problem func(area, message string, documents ...sheaf.DocumentID)) error {
	mark, err := v.indexedMark()
	if err != nil {
		return err
	}
	for chunk := int64(0); chunk <= chunkOf(mark); chunk++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		postings := make(map[string][]byte)
		err := v.conn.rows(`select term, bits from postings where chunk = $1`, []any{chunk}, func(scan func(...any) error) error {
			var term string
			var bits []byte
			err := scan(&term, &bits)
			postings[term] = bits
			return err
		})
		if err != nil {
			return err
		}
		err = v.conn.rows(`
			select `+indexableColumns+`, d.id from documents d
			where d.pk between $1 and $2 and d.deleted = 0 and d.pk not in (select document from listing_changes)`,
			[]any{chunk * chunkSize, min(mark, (chunk+1)*chunkSize-1)}, func(scan func(...any) error) error {
				var d indexable
				var id sheaf.DocumentID
				if err := scan(append(d.into(), &id)...); err != nil {
					return err
				}
				missing := ""
				err := d.terms(func(term string) {
					if missing == "" && !storedHas(postings[term], int(d.pk%chunkSize)) {
						missing = term
					}
				})
				if missing != "" {
					problem("catalog", fmt.Sprintf("the document %s: the listing index lacks its term %q", id, missing), id)
				}
				return err
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkLog recomputes the chain of every stream.
func (v *View) checkLog(ctx context.Context, problem func(area, message string, documents ...sheaf.DocumentID)) (entries int64, err error) {
	_, entries, err = v.walkChains(ctx, func(e sheaf.LogEntry, message string) {
		problem("log", fmt.Sprintf("revision %d of %s: %s", e.Rev, e.Stream, message))
	})
	return entries, err
}

package catalog

// A Usage is what the base of a collection holds: documents that are not deleted,
// and the bytes of their current contents together. What is in layers does not
// count. As a difference it may be negative.
type Usage struct {
	Documents, Bytes int64
}

// use returns what a document adds to the usage of its collection.
func (h *Head) use() Usage {
	if h.Deleted || h.Layer != baseLayer {
		return Usage{}
	}
	return Usage{Documents: 1, Bytes: h.Size}
}

// Growth returns by how much a change of a document makes its collection's usage
// grow. Before is the zero Head for a new one.
func Growth(before, after Head) Usage {
	was, is := Usage{}, after.use()
	if before.PK != 0 {
		was = before.use()
	}
	return Usage{Documents: is.Documents - was.Documents, Bytes: is.Bytes - was.Bytes}
}

// Usage counts what a collection holds.
func (v *View) Usage(collection int64) (u Usage, err error) {
	_, err = v.conn.row(`select count(*), coalesce(sum(size), 0) from documents where collection = $1 and deleted = 0`,
		[]any{collection}, &u.Documents, &u.Bytes)
	return u, err
}

// Usage returns what a collection holds, with what this transaction has changed.
// It is counted the first time that somebody asks; from then on the writer keeps
// it in memory, and of collections that nobody asks about it keeps nothing.
func (tx *Tx) Usage(collection int64) (u Usage, err error) {
	if u, ok := tx.knownUsage(collection); ok {
		return u, nil
	}
	if u, err = tx.View.Usage(collection); err == nil {
		tx.usages[collection] = u
	}
	return u, err
}

func (tx *Tx) knownUsage(collection int64) (u Usage, ok bool) {
	if u, ok = tx.usages[collection]; !ok {
		u, ok = tx.writer.usages[collection]
	}
	return u, ok
}

// addUse keeps a usage that is known up to date.
func (tx *Tx) addUse(collection int64, u Usage) {
	if known, ok := tx.knownUsage(collection); ok {
		tx.usages[collection] = Usage{Documents: known.Documents + u.Documents, Bytes: known.Bytes + u.Bytes}
	}
}

// moveUse is addUse for a document that becomes another one, perhaps in another
// collection.
func (tx *Tx) moveUse(before, after *Head) {
	was := before.use()
	tx.addUse(before.CollectionPK, Usage{Documents: -was.Documents, Bytes: -was.Bytes})
	tx.addUse(after.CollectionPK, after.use())
}

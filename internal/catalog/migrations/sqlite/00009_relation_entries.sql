-- +goose Up

-- The log entries that are about relations of a document: they make no states,
-- by which its other entries are found.
create table relation_entries (
    document integer not null,
    entry    integer not null,              -- log.id
    primary key (document, entry)
) without rowid;

-- +goose Up

-- What versions of summaries were made from: a digest of the digests of all
-- lessons there were. Where and when that was lets history name them.
create table summary_sources (
    document   integer not null,
    version    integer not null,
    digest     blob    not null,
    collection integer not null,
    layer      text    not null,               -- through which the lessons were seen
    path       text    not null,               -- where the summary was
    rev        integer not null,
    primary key (document, version)
) without rowid;

-- Manifests of books that somebody was told, to say later what has changed since.
create table manifests (
    collection integer not null,
    rev        integer not null,               -- of the collection, that it is of
    hash       blob    not null,
    files      integer not null,
    size       integer not null,
    primary key (collection, rev)
) without rowid;

create index manifests_hash on manifests (collection, hash, rev);

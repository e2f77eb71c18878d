-- +goose Up

-- Integers named *_at are Unix milliseconds. Tables that are only ever looked up
-- by their whole key have no rowid.

create table meta (
    key   text primary key,
    value text not null
) without rowid;

create table collections (
    pk          integer primary key,
    name        text    not null unique,
    kind        text    not null,
    title       text    not null,
    description text    not null,
    backend     text    not null,
    status      text    not null,
    policy      text    not null,
    created_at  integer not null
);

-- Identity of every document that ever was, with the base's current state.
-- pk grows with created_at, which listings rely on; no row is ever removed, so
-- that no pk is used twice.
create table documents (
    pk          integer primary key,
    id          text    not null unique,
    collection  integer not null,
    path        text    not null,              -- '' outside books
    name        text    not null,
    filename    text    not null,
    description text    not null,
    tags        text    not null,              -- JSON array
    metadata    text    not null,              -- JSON object
    version     integer not null,              -- 0: the base has no content
    digest      blob    not null,
    size        integer not null,
    mime        text    not null,
    created_at  integer not null,
    updated_at  integer not null,
    rev         integer not null,              -- of the current state
    deleted     integer not null
);

create index documents_recent on documents (collection, pk) where deleted = 0;
create unique index documents_path on documents (collection, path) where deleted = 0 and path <> '';

-- Every content a document has had. Never changed.
create table versions (
    document integer not null,
    n        integer not null,
    digest   blob    not null,
    size     integer not null,
    mime     text    not null,
    author   text    not null,
    label    text    not null,
    message  text    not null,
    at       integer not null,
    primary key (document, n)
) without rowid;

-- What a document was during the revisions [rev_from, rev_to) of its collection,
-- in a layer; the base is the layer ''. rev_to is the largest integer while current.
create table states (
    document    integer not null,
    layer       text    not null,
    rev_from    integer not null,
    rev_to      integer not null,
    collection  integer not null,
    base        blob,                          -- in a layer: the base's digest it was made over
    version     integer not null,
    path        text    not null,
    name        text    not null,
    filename    text    not null,
    description text    not null,
    tags        text    not null,
    metadata    text    not null,
    deleted     integer not null,
    primary key (document, layer, rev_from)
) without rowid;

create unique index states_layer_path on states (collection, layer, path)
    where layer <> '' and path <> '' and deleted = 0 and rev_to = 9223372036854775807;

-- Revision, audit record and event in one; see sheaf.LogEntry.
create table log (
    id        integer primary key,
    stream    text    not null,
    rev       integer not null,
    at        integer not null,
    principal text    not null,
    label     text    not null,
    op        text    not null,
    status    text    not null,
    payload   text    not null,
    prev      blob    not null,
    hash      blob    not null
);

create unique index log_stream on log (stream, rev);

-- What is known of stored contents. state: 0 pending, 1 live, 2 condemned,
-- 3 deleting, 4 damaged.
create table blobs (
    pk          integer primary key,
    digest      blob    not null,
    backend     text    not null,
    domain      text    not null,              -- encryption domain, '' unsealed
    state       integer not null,
    state_at    integer not null,
    size        integer not null,
    crc32       integer not null,
    encoding    text    not null,
    stored_size integer not null,
    unique (digest, backend, domain)
);

-- Stored bytes of small blobs until the drain has moved them to their backend.
create table inline_blobs (
    blob  integer primary key,
    bytes blob not null
);

-- Answers to requests that carried an idempotency key, for a day.
create table idempotency (
    principal text    not null,
    route     text    not null,
    key       text    not null,
    request   blob    not null,                -- digest of the request
    answer    text    not null,
    at        integer not null,
    primary key (principal, route, key)
) without rowid;

-- The listing index: which documents (by pk: chunk * 16384 + bit) have a tag, an
-- n-gram in their name, or are in a collection. It covers the documents up to
-- the mark 'listing.indexed' in meta, except those in listing_changes.
create table postings (
    chunk integer not null,
    term  text    not null,
    bits  blob    not null,
    primary key (chunk, term)
) without rowid;

-- Documents whose postings are out of date, with what they were made from.
create table listing_changes (
    document   integer primary key,
    name       text    not null,
    tags       text    not null,
    collection integer not null
);

-- +goose Up

-- Calls that left no log entry: reads, refusals, conflicts, and changes that had
-- nothing to change. Their ids and those of the log are one sequence, in which
-- "at" never decreases.
create table access (
    id          integer primary key,
    at          integer not null,
    principal   text    not null,
    label       text    not null,
    op          text    not null,
    transport   text    not null,
    stream      text    not null,              -- the collection, '' where there is none
    path        text    not null,
    document    text    not null,              -- as it was asked for, '' where there is none
    status      text    not null,              -- success, error, conflict, denied
    duration_us integer not null,
    code        text    not null,              -- of the error
    message     text    not null
);

-- An index ends with the id, so that the newest entries of a value are read
-- first and nothing is sorted.
create index access_principal on access (principal);
create index access_label on access (label) where label <> '';
create index access_op on access (op);
create index access_stream on access (stream) where stream <> '';
create index access_path on access (path) where path <> '';
create index access_document on access (document) where document <> '';
create index access_failed on access (status) where status <> 'success';

create index log_principal on log (principal);
create index log_label on log (label) where label <> '';
create index log_op on log (op);
create index log_newest on log (stream, id);

-- Which log entries are about a path: where a document was before, or is since.
create table log_paths (
    path text    not null,
    id   integer not null,
    primary key (path, id)
) without rowid;

insert into log_paths (path, id)
select s.path, l.id from states s
join collections c on c.pk = s.collection
join log l on l.stream = c.name and l.rev in (s.rev_from, s.rev_to)
where s.path <> ''
on conflict do nothing;

-- How often what was called, for longer than single records are kept.
create table access_days (
    day       text    not null,                -- YYYY-MM-DD, UTC
    principal text    not null,
    op        text    not null,
    status    text    not null,
    calls     integer not null,
    primary key (day, principal, op, status)
) without rowid;

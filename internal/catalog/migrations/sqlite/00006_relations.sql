-- +goose Up

-- Relations of documents, by their pk, each once: the origin is the parent, the
-- predecessor or, of two that are related, the one with the smaller pk.
create table relations (
    origin     integer not null,
    type       text    not null,              -- parent, predecessor or related
    target     integer not null,
    note       text    not null,
    author     text    not null,
    label      text    not null,
    created_at integer not null,
    primary key (origin, type, target)
) without rowid;

create index relations_target on relations (target, type);
create unique index relations_parent on relations (target) where type = 'parent';

-- +goose Up

-- A document that moves to another collection begins another stay, counted from
-- 0. Revisions are of one collection, so that those of two stays say nothing of
-- each other: the states of a document are in the order of (stay, rev_from).
alter table documents add column stay integer not null default 0;

-- As before, with the stay in the key. The last state of a stay that is over has
-- as rev_to the revision at which the document left.
create table states_by_stay (
    document    integer not null,
    layer       text    not null,
    stay        integer not null,
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
    primary key (document, layer, stay, rev_from)
) without rowid;

insert into states_by_stay (document, layer, stay, rev_from, rev_to, collection, base, version, path, name, filename,
    description, tags, metadata, deleted)
select document, layer, 0, rev_from, rev_to, collection, base, version, path, name, filename,
    description, tags, metadata, deleted
from states order by document, layer, rev_from;

drop table states;

alter table states_by_stay rename to states;

create unique index states_layer_path on states (collection, layer, path)
    where layer <> '' and path <> '' and deleted = 0 and rev_to = 9223372036854775807;

-- +goose Up

-- A purged version keeps its row, so that numbers have no gaps; its content may
-- be reclaimed. Every version of a purged document is purged.
alter table versions add column purged integer not null default 0;
update versions set purged = 1 where document in (select pk from documents where purged = 1);

-- Which versions need a content. Garbage collection asks of every blob.
create index versions_digest on versions (digest) where purged = 0;

-- The blobs that are on their way in or out. A query has to say state <> 1, too.
create index blobs_in_transit on blobs (state, state_at) where state <> 1;

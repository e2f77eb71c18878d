-- +goose Up

-- A purged document is deleted for good: its contents may be reclaimed, its id,
-- its states and the log stay.
alter table documents add column purged integer not null default 0;

create index documents_trash on documents (collection, pk) where deleted = 1 and purged = 0;

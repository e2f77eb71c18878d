-- +goose Up

-- Of a blob whose stored bytes are sealed, inline or in its backend: the name of
-- its object, the id of the master key, and the data key wrapped by that. Null
-- when it is not sealed.
alter table blobs add column object blob;
alter table blobs add column master_key text;
alter table blobs add column data_key blob;

create unique index blobs_object on blobs (object, backend) where object is not null;

-- Which master keys are needed, and what a rotation has left.
create index blobs_master_key on blobs (backend, master_key) where master_key is not null;

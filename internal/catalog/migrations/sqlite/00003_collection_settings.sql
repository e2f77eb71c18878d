-- +goose Up

-- JSON objects: sheaf.CollectionLimits and sheaf.Retention.
alter table collections add column limits text not null default '{}';
alter table collections add column retention text not null default '{}';

-- A deleted collection keeps its row, as its documents and its stream do; one
-- that is created under its name again goes on with them.
alter table collections add column deleted integer not null default 0;

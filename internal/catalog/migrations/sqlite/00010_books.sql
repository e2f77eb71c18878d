-- +goose Up

-- A JSON object: what a book has beyond a collection, see sheaf.BookSettings.
alter table collections add column book text not null default '{}';

-- The form of a path that is the same for paths that some system takes for the
-- same file. '' where there is no path.
alter table documents add column path_key text not null default '';
alter table states add column path_key text not null default '';

-- documents.deleted is 2 for a document that is in layers only: the base has
-- never had it, and nothing that looks at the base or its trash sees it.
create index documents_layer_only on documents (collection) where deleted = 2;

create index documents_path_key on documents (collection, path_key) where deleted = 0 and path_key <> '';
create index states_layer_key on states (collection, layer, path_key)
    where layer <> '' and path_key <> '' and deleted = 0 and rev_to = 9223372036854775807;

-- What was at a path, in the order of paths, at any revision.
create index states_path on states (collection, layer, path, rev_from) where path <> '';

-- +goose Up

-- Uploads of assets in two steps. An open one has no outcome; its bytes, once
-- they are there, wait in the staging area of a backend, or in that of the data
-- directory where staging is ''.
create table uploads (
    id         text    primary key,
    book       text    not null,
    path       text    not null,
    size       integer not null,
    mime       text    not null,
    sha256     blob,                         -- that the bytes have to have; null: any
    file_hash  blob,                         -- of the content that they replace; null: any
    message    text    not null,
    principal  text    not null,
    label      text    not null,
    staging    text    not null,
    created_at integer not null,
    expires_at integer not null,
    outcome    text    not null default '',  -- '' while it is open
    ended_at   integer not null default 0,
    version    integer not null default 0,   -- that a completed one made
    document   text    not null default '',  -- that a completed one made or changed
    error      text    not null default ''   -- of a failed one
) without rowid;

create index uploads_open on uploads (book, path) where outcome = '';
create index uploads_of on uploads (principal) where outcome = '';
create index uploads_expiring on uploads (expires_at) where outcome = '';
create index uploads_ended on uploads (ended_at) where outcome <> '';

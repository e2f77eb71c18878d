-- +goose Up

-- While a collection moves to another backend its contents are on two of them:
-- new ones go to backend, what is not there is read from second, and what is
-- referred to is kept on both. '' while it does not move. moving is how far it is.
alter table collections add column second text not null default '';
alter table collections add column moving text not null default '';

-- Moves of collections, the latest of each.
create table backend_moves (
    collection     integer primary key,
    id             text    not null,
    origin         text    not null,          -- the backend it left
    target         text    not null,
    grace          integer not null,          -- milliseconds for which the origin keeps its copy
    started_at     integer not null,
    switched_at    integer not null default 0,
    settled_at     integer not null default 0,
    ended_at       integer not null default 0,
    outcome        text    not null default '',  -- '' until it has ended
    total          integer not null,          -- contents that were to be copied when it began
    total_bytes    integer not null,
    copied         integer not null default 0,
    copied_bytes   integer not null default 0,
    verified       integer not null default 0, -- that the target had before
    known_to       integer not null,          -- the largest blobs.pk when it began
    verified_to    integer not null default 0, -- up to which what the target had is verified
    problem        text    not null default '',  -- why it does not go on; '' while it does
    problem_at     integer not null default 0
);

-- +goose Up

-- Keys that the store has made for itself, of random bytes.
create table secrets (
    name  text    primary key,
    value blob    not null,
    at    integer not null
) without rowid;

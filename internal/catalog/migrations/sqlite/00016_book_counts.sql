-- +goose Up

-- What there is in the base of each book: what could be counted at any time from
-- documents, kept by whoever changes those. A book that has no row yet is counted
-- when the catalog is opened.
create table book_counts (
    collection integer primary key,
    lessons    integer not null,
    assets     integer not null,
    files      integer not null,
    size       integer not null
);

// Package markup knows about the text of documents: how it differs from other
// text ([Compare]), how two changes of it become one ([Merge]), how it is edited
// in place ([Apply]), and how a part of it is read ([ReadLines],
// [ReadCharacters]).
//
// It is pure: texts go in, texts and descriptions of them come out. A text is
// any sequence of bytes. Whatever an operation does not have to change it keeps
// byte for byte: line endings of either kind, a byte order mark, a missing line
// ending at the end, bytes that are not valid UTF-8.
//
// A line ends with a line feed, which belongs to it; a carriage return before
// that is part of the line ending, and anywhere else it is a character like any
// other. The last line of a text may lack its line ending.
package markup

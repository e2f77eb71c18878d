// Package mcp serves a library to agents over the Model Context Protocol.
//
// A tool is a name, the fields it takes, the type of its answer, and a function
// that calls one method of [library.Session]; what a document may be is decided
// there. The registry (tools.go) knows nothing of the SDK that carries it:
// server.go adapts it to github.com/modelcontextprotocol/go-sdk, over stateless
// Streamable HTTP with JSON answers.
//
// What agents get wrong is answered so that they can go on: every argument that
// is wrong is named at once, with what is allowed, and an error of the store
// carries its code and what to try next. Such an answer is a result with isError,
// which a model sees; errors of the protocol are kept for what is not a call of
// a tool at all.
package mcp

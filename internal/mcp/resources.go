package mcp

import (
	"context"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/sheaf-dev/sheaf"
	"github.com/sheaf-dev/sheaf/internal/library"
)

// resources returns every kind of resource, in the order in which they are listed.
func resources() []resource {
	return slices.Concat(bookResources(), documentResources())
}

// A resource is a kind of thing that a person can attach to a conversation by its
// URI, without a model having to ask for it.
type resource struct {
	template                 string // of its URIs, such as sheaf://documents/{id}
	name, title, description string
	toolset                  Toolset
	scope                    sheaf.Scope // without which a caller does not see it

	// read returns what has that URI.
	read func(ctx context.Context, session *library.Session, uri string) (resourceContent, error)

	// complete returns what a variable of the template can be that has been typed
	// as far as value, given the other variables, and whether there is more.
	complete func(ctx context.Context, session *library.Session, variable, value string, others map[string]string) (values []string, more bool, err error)

	// list returns those that somebody is likely to want to pick from a list.
	list func(ctx context.Context, session *library.Session) ([]*sdk.Resource, error)
}

// A resourceContent is what a resource holds: text if it is UTF-8.
type resourceContent struct {
	bytes  []byte
	isText bool
	mime   string
}

// maxCompletions is how many values a completion has; the protocol's limit.
const maxCompletions = 100

func (r resource) sdkTemplate() *sdk.ResourceTemplate {
	return &sdk.ResourceTemplate{URITemplate: r.template, Name: r.name, Title: r.title, Description: r.description}
}

// reader returns what answers requests to read a resource.
func (s *Server) reader(r resource) sdk.ResourceHandler {
	return func(ctx context.Context, request *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		call := s.begin(ctx, request)
		defer call.End("resource.read")
		content, err := r.read(ctx, call.Session(), request.Params.URI)
		if err != nil {
			call.Fail(err)
			return nil, s.told(ctx, "a resource cannot be read", err)
		}
		held := &sdk.ResourceContents{URI: request.Params.URI, MIMEType: content.mime}
		if content.isText {
			held.Text = string(content.bytes)
		} else {
			held.Blob = content.bytes
		}
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{held}}, nil
	}
}

// lister returns what answers requests to list resources, of which the SDK knows
// only those that never change.
func (s *Server) lister(v view) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, request sdk.Request) (sdk.Result, error) {
			result, err := next(ctx, method, request)
			listing, ok := result.(*sdk.ListResourcesResult)
			if err != nil || !ok || listing == nil {
				return result, err
			}
			call := s.begin(ctx, request)
			defer call.End("resource.list")
			for _, r := range s.resources {
				if !v.offers(r.toolset, r.scope) || r.list == nil {
					continue
				}
				listed, err := r.list(ctx, call.Session())
				if err != nil {
					call.Fail(err)
					return nil, s.told(ctx, "resources cannot be listed", err)
				}
				listing.Resources = append(listing.Resources, listed...)
			}
			return listing, nil
		}
	}
}

// completer returns what answers requests to complete what somebody types.
func (s *Server) completer(v view) func(context.Context, *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
	return func(ctx context.Context, request *sdk.CompleteRequest) (*sdk.CompleteResult, error) {
		result := &sdk.CompleteResult{Completion: sdk.CompletionResultDetails{Values: []string{}}}
		params := request.Params
		for _, r := range s.resources {
			if params.Ref.URI != r.template || !v.offers(r.toolset, r.scope) {
				continue
			}
			var others map[string]string
			if params.Context != nil {
				others = params.Context.Arguments
			}
			call := s.begin(ctx, request)
			values, more, err := r.complete(ctx, call.Session(), params.Argument.Name, params.Argument.Value, others)
			call.Fail(err)
			call.End("resource.complete")
			if err != nil {
				return nil, s.told(ctx, "a completion failed", err)
			}
			result.Completion.HasMore = more || len(values) > maxCompletions
			result.Completion.Values = append(result.Completion.Values, values[:min(len(values), maxCompletions)]...)
		}
		return result, nil
	}
}

// told returns an error as the protocol has it, and logs what is none to be told.
func (s *Server) told(ctx context.Context, what string, err error) error {
	if _, internal := describeFailure(err); internal && ctx.Err() == nil {
		s.log.ErrorContext(ctx, what, "error", err)
	}
	return protocolError(err)
}

// protocolError returns an error as the protocol has it, with its hint.
func protocolError(err error) error {
	f, internal := describeFailure(err)
	code := int64(jsonrpc.CodeInvalidParams) // that of what is not found, too
	if internal {
		code = jsonrpc.CodeInternalError
	}
	message := f.Error.Message
	if f.Error.Hint != "" {
		message += " (" + f.Error.Hint + ")"
	}
	return &jsonrpc.Error{Code: code, Message: message, Data: mustMarshal(f.Error)}
}

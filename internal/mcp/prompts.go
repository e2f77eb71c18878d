package mcp

import (
	"context"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// gettingStarted returns the prompt with which a person acquaints a model with
// the store, and what answers it. It names the tools that are offered.
func gettingStarted(offered []tool) (*sdk.Prompt, sdk.PromptHandler) {
	prompt := &sdk.Prompt{
		Name: "getting_started", Title: "Get started with Sheaf",
		Description: "Acquaints a model with the store and with what it can do there.",
		Arguments: []*sdk.PromptArgument{{
			Name: "task", Title: "Task", Description: "What you want to have done",
		}},
	}
	var text strings.Builder
	text.WriteString("You have access to a document store, Sheaf, by these tools:\n\n")
	for _, t := range offered {
		sentence, _, _ := strings.Cut(t.description, ". ")
		text.WriteString("- " + t.name + ": " + strings.TrimSuffix(sentence, ".") + ".\n")
	}
	text.WriteString("\n" + instructions + "\n")
	handler := func(_ context.Context, request *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		message := text.String()
		if task := strings.TrimSpace(request.Params.Arguments["task"]); task != "" {
			message += "\nThe task is: " + task + "\n"
		} else {
			message += "\nFirst see what is there, then say in a few sentences what you found and what you could do with it.\n"
		}
		return &sdk.GetPromptResult{
			Description: prompt.Description,
			Messages:    []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: message}}},
		}, nil
	}
	return prompt, handler
}

// A server on the official Go SDK: `sdk-server http|sse|stdio [port]`, with the tools of servers/behaviour.mjs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type arguments struct {
	Text string `json:"text"`
	Key  string `json:"key"`
}

type call func(ctx context.Context, request *mcp.CallToolRequest, given arguments) (*mcp.CallToolResult, error)

var (
	cancelled = map[string]int{}
	guard     sync.Mutex
)

func text(said string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: said}}}
}

func says(said string) call {
	return func(context.Context, *mcp.CallToolRequest, arguments) (*mcp.CallToolResult, error) {
		return text(said), nil
	}
}

func progress(ctx context.Context, request *mcp.CallToolRequest, step float64) {
	if token := request.Params.GetProgressToken(); token != nil {
		told := &mcp.ProgressNotificationParams{ProgressToken: token, Progress: step, Total: 3}
		_ = request.Session.NotifyProgress(ctx, told)
	}
}

func schema(names ...string) map[string]any {
	properties := map[string]any{}
	for _, name := range names {
		properties[name] = map[string]any{"type": "string"}
	}
	return map[string]any{"type": "object", "properties": properties}
}

func add(server *mcp.Server, name string, run call, names ...string) {
	tool := &mcp.Tool{Name: name, Description: "The tool " + name, InputSchema: schema(names...)}
	server.AddTool(tool, func(ctx context.Context, request *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var given arguments
		if len(request.Params.Arguments) > 0 {
			if err := json.Unmarshal(request.Params.Arguments, &given); err != nil {
				return nil, err
			}
		}
		return run(ctx, request, given)
	})
}

func steps(ctx context.Context, request *mcp.CallToolRequest, _ arguments) (*mcp.CallToolResult, error) {
	for step := 1.0; step <= 3; step++ {
		progress(ctx, request, step)
		time.Sleep(200 * time.Millisecond)
	}
	return text("three steps"), nil
}

func wait(ctx context.Context, request *mcp.CallToolRequest, given arguments) (*mcp.CallToolResult, error) {
	progress(ctx, request, 1)
	select {
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
		guard.Lock()
		cancelled[given.Key]++
		guard.Unlock()
	}
	return text("waited"), nil
}

func countCancelled(_ context.Context, _ *mcp.CallToolRequest, given arguments) (*mcp.CallToolResult, error) {
	guard.Lock()
	defer guard.Unlock()
	return text(fmt.Sprint(cancelled[given.Key])), nil
}

func ask(_ context.Context, request *mcp.CallToolRequest, _ arguments) (*mcp.CallToolResult, error) {
	given, ok := request.Params.InputResponses["name"].(*mcp.ElicitResult)
	if !ok {
		return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"name": &mcp.ElicitParams{
			Mode: "form", Message: "What is your name?", RequestedSchema: schema("name"),
		}}}, nil
	}
	return text(fmt.Sprintf("%s %v", given.Action, given.Content["name"])), nil
}

func makeServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "go-sdk", Version: "1.0.0"}, nil)
	add(server, "echo", func(_ context.Context, _ *mcp.CallToolRequest, given arguments) (*mcp.CallToolResult, error) {
		return text(given.Text), nil
	}, "text")
	add(server, "fail", func(context.Context, *mcp.CallToolRequest, arguments) (*mcp.CallToolResult, error) {
		failed := text("this tool fails")
		failed.IsError = true
		return failed, nil
	})
	add(server, "denied", says("done"))
	add(server, "limited", says("done"))
	add(server, "steps", steps)
	add(server, "wait", wait, "key")
	add(server, "cancelled", countCancelled, "key")
	add(server, "ask", ask)
	add(server, "grow", func(context.Context, *mcp.CallToolRequest, arguments) (*mcp.CallToolResult, error) {
		add(server, "grown", says("grown"))
		return text("grown"), nil
	})
	return server
}

func main() {
	server := makeServer()
	get := func(*http.Request) *mcp.Server { return server }
	switch os.Args[1] {
	case "stdio":
		log.Fatal(server.Run(context.Background(), &mcp.StdioTransport{}))
	case "sse":
		log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], mcp.NewSSEHandler(get, nil)))
	default:
		log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[2], mcp.NewStreamableHTTPHandler(get, nil)))
	}
}

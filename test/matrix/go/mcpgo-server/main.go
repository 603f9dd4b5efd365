// A server on mark3labs/mcp-go: `mcpgo-server http|sse|stdio [port]`, with the tools of servers/behaviour.mjs.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

var (
	cancelled = map[string]int{}
	guard     sync.Mutex
	own       = server.NewMCPServer("mcp-go", "1.0.0", server.WithToolCapabilities(true), server.WithElicitation())
)

func says(said string) server.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(said), nil
	}
}

func progress(ctx context.Context, request mcp.CallToolRequest, step int) {
	if request.Params.Meta == nil || request.Params.Meta.ProgressToken == nil {
		return
	}
	_ = own.SendNotificationToClient(ctx, "notifications/progress", map[string]any{
		"progressToken": request.Params.Meta.ProgressToken, "progress": step, "total": 3,
	})
}

func add(name string, run server.ToolHandlerFunc, names ...string) {
	options := []mcp.ToolOption{mcp.WithDescription("The tool " + name)}
	for _, one := range names {
		options = append(options, mcp.WithString(one, mcp.Required()))
	}
	own.AddTool(mcp.NewTool(name, options...), run)
}

func steps(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	for step := 1; step <= 3; step++ {
		progress(ctx, request, step)
		time.Sleep(200 * time.Millisecond)
	}
	return mcp.NewToolResultText("three steps"), nil
}

func wait(ctx context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	progress(ctx, request, 1)
	select {
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
		guard.Lock()
		cancelled[request.GetString("key", "")]++
		guard.Unlock()
	}
	return mcp.NewToolResultText("waited"), nil
}

func ask(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if answer := server.ElicitationResponse(request.Params.InputResponses, "name"); answer != nil {
		content, _ := answer.Content.(map[string]any)
		return mcp.NewToolResultText(fmt.Sprintf("%s %v", answer.Action, content["name"])), nil
	}
	properties := map[string]any{"name": map[string]any{"type": "string"}}
	return server.NewInputRequestBuilder("asked").Elicit("name", mcp.ElicitationParams{
		Mode:            mcp.ElicitationModeForm,
		Message:         "What is your name?",
		RequestedSchema: map[string]any{"type": "object", "properties": properties, "required": []string{"name"}},
	}).ToolResult(), nil
}

func addAll() {
	add("echo", func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(request.GetString("text", "")), nil
	}, "text")
	add("fail", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("this tool fails"), nil
	})
	add("denied", says("done"))
	add("limited", says("done"))
	add("steps", steps)
	add("wait", wait, "key")
	add("cancelled", func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		guard.Lock()
		defer guard.Unlock()
		return mcp.NewToolResultText(fmt.Sprint(cancelled[request.GetString("key", "")])), nil
	}, "key")
	add("ask", ask)
	add("grow", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		add("grown", says("grown"))
		return mcp.NewToolResultText("grown"), nil
	})
}

func main() {
	addAll()
	switch os.Args[1] {
	case "stdio":
		log.Fatal(server.ServeStdio(own))
	case "sse":
		log.Fatal(server.NewSSEServer(own).Start("127.0.0.1:" + os.Args[2]))
	default:
		log.Fatal(server.NewStreamableHTTPServer(own).Start("127.0.0.1:" + os.Args[2]))
	}
}

// The client of mark3labs/mcp-go.
package main

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"toolgate.example/matrix/loop"
)

type person struct{}

func (person) Elicit(_ context.Context, asked mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	loop.Tell("elicitation", map[string]any{"params": asked.Params})
	answer := mcp.ElicitationResponse{Action: "accept", Content: map[string]any{"name": "Ada"}}
	return &mcp.ElicitationResult{ElicitationResponse: answer}, nil
}

func transportTo(target loop.Target) (transport.Interface, error) {
	if target.Command != "" {
		env := []string{}
		for name, value := range target.Env {
			env = append(env, name+"="+value)
		}
		return transport.NewStdio(target.Command, env, target.Args...), nil
	}
	if target.SSE {
		return transport.NewSSE(target.URL, transport.WithHeaders(target.Headers))
	}
	listening, headers := transport.WithContinuousListening(), transport.WithHTTPHeaders(target.Headers)
	return transport.NewStreamableHTTP(target.URL, listening, headers)
}

type connection struct {
	client *client.Client
	about  *mcp.InitializeResult
}

func (c connection) About() any {
	return map[string]any{
		"revision":     c.about.ProtocolVersion,
		"server":       c.about.ServerInfo.Name,
		"capabilities": c.about.Capabilities,
	}
}

func (c connection) List(ctx context.Context) (any, error) {
	result, err := c.client.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, err
	}
	return result.Tools, nil
}

func (c connection) Call(ctx context.Context, name string, args map[string]any) (any, error) {
	request := mcp.CallToolRequest{}
	request.Params.Name = name
	request.Params.Arguments = args
	request.Params.Meta = &mcp.Meta{ProgressToken: "matrix"}
	return c.client.CallTool(ctx, request)
}

func (c connection) Close() { _ = c.client.Close() }

func told(notification mcp.JSONRPCNotification) {
	switch notification.Method {
	case "notifications/tools/list_changed":
		loop.Tell("list_changed", nil)
	case "notifications/progress":
		text, _ := json.Marshal(notification.Params)
		var params struct {
			Progress float64 `json:"progress"`
		}
		_ = json.Unmarshal(text, &params)
		loop.Tell("progress", map[string]any{"progress": params.Progress})
	}
}

func main() {
	loop.Serve(func(ctx context.Context, target loop.Target) (loop.Client, error) {
		own, err := transportTo(target)
		if err != nil {
			return nil, err
		}
		opened := client.NewClient(own, client.WithElicitationHandler(person{}))
		opened.OnNotification(told)
		if err := opened.Start(ctx); err != nil {
			return nil, err
		}
		request := mcp.InitializeRequest{}
		request.Params.ClientInfo = mcp.Implementation{Name: "matrix", Version: "1.0.0"}
		request.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
		about, err := opened.Initialize(ctx, request)
		if err != nil {
			return nil, err
		}
		return connection{opened, about}, nil
	})
}

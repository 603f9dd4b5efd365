// The client of the official Go SDK, which speaks the newest revision that the server knows.
package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"toolgate.example/matrix/loop"
)

type withHeaders struct{ headers map[string]string }

func (w withHeaders) RoundTrip(request *http.Request) (*http.Response, error) {
	for name, value := range w.headers {
		request.Header.Set(name, value)
	}
	return http.DefaultTransport.RoundTrip(request)
}

func transportTo(target loop.Target) mcp.Transport {
	if target.Command != "" {
		command := exec.Command(target.Command, target.Args...)
		command.Env = os.Environ()
		for name, value := range target.Env {
			command.Env = append(command.Env, name+"="+value)
		}
		return &mcp.CommandTransport{Command: command}
	}
	client := &http.Client{Transport: withHeaders{target.Headers}}
	if target.SSE {
		return &mcp.SSEClientTransport{Endpoint: target.URL, HTTPClient: client}
	}
	return &mcp.StreamableClientTransport{Endpoint: target.URL, HTTPClient: client}
}

type client struct{ session *mcp.ClientSession }

func failure(err error) error {
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return &loop.Failure{Code: wire.Code, Message: wire.Message}
	}
	return err
}

func (c client) About() any {
	result := c.session.InitializeResult()
	return map[string]any{
		"revision":     result.ProtocolVersion,
		"server":       result.ServerInfo.Name,
		"capabilities": result.Capabilities,
	}
}

func (c client) List(ctx context.Context) (any, error) {
	tools := []*mcp.Tool{}
	for tool, err := range c.session.Tools(ctx, nil) {
		if err != nil {
			return nil, failure(err)
		}
		tools = append(tools, tool)
	}
	return tools, nil
}

func (c client) Call(ctx context.Context, name string, args map[string]any) (any, error) {
	params := &mcp.CallToolParams{Name: name, Arguments: args}
	params.SetProgressToken(time.Now().UnixNano() / 1e6)
	result, err := c.session.CallTool(ctx, params)
	if err != nil {
		return nil, failure(err)
	}
	return result, nil
}

func (c client) Close() { _ = c.session.Close() }

func main() {
	loop.Serve(func(ctx context.Context, target loop.Target) (loop.Client, error) {
		own := mcp.NewClient(&mcp.Implementation{Name: "matrix", Version: "1.0.0"}, &mcp.ClientOptions{
			Capabilities: &mcp.ClientCapabilities{},
			ElicitationHandler: func(_ context.Context, asked *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
				loop.Tell("elicitation", map[string]any{"params": asked.Params})
				return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ada"}}, nil
			},
			ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
				loop.Tell("list_changed", nil)
			},
			ProgressNotificationHandler: func(_ context.Context, told *mcp.ProgressNotificationClientRequest) {
				loop.Tell("progress", map[string]any{"progress": told.Params.Progress})
			},
		})
		session, err := own.Connect(ctx, transportTo(target), nil)
		if err != nil {
			return nil, failure(err)
		}
		return client{session}, nil
	})
}

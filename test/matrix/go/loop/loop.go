// Package loop takes commands as clients/loop.mjs says.
package loop

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"sync"
	"time"
)

// Target is what connect gets.
type Target struct {
	URL     string            `json:"url"`
	SSE     bool              `json:"sse"`
	Headers map[string]string `json:"headers"`
	Command string            `json:"command"`
	Args    []string          `json:"-"`
	Env     map[string]string `json:"env"`
}

// Client is one connection.
type Client interface {
	About() any
	List(ctx context.Context) (any, error)
	Call(ctx context.Context, name string, args map[string]any) (any, error)
	Close()
}

// Failure is an error with the code that the server gave.
type Failure struct {
	Code    int64
	Message string
}

func (f *Failure) Error() string { return f.Message }

var output sync.Mutex

func print(message any) {
	output.Lock()
	defer output.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(message)
}

var cancels sync.Map

// Tell says what the client was told.
func Tell(event string, detail map[string]any) {
	message := map[string]any{"event": event}
	for key, value := range detail {
		message[key] = value
	}
	print(message)
	if event == "progress" {
		cancels.Range(func(_, cancel any) bool {
			cancel.(context.CancelFunc)()
			return true
		})
	}
}

type command struct {
	Target
	ID   int    `json:"id"`
	Do   string `json:"do"`
	Name string `json:"name"`
	// A list for a program, an object for a tool.
	Arguments        json.RawMessage `json:"args"`
	CancelOnProgress bool            `json:"cancelOnProgress"`
}

func run(one command, client *Client, connect func(context.Context, Target) (Client, error)) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	switch one.Do {
	case "connect":
		_ = json.Unmarshal(one.Arguments, &one.Target.Args)
		opened, err := connect(context.Background(), one.Target)
		if err != nil {
			return nil, err
		}
		*client = opened
		return opened.About(), nil
	case "list":
		return (*client).List(ctx)
	case "call":
		if one.CancelOnProgress {
			cancels.Store(one.ID, cancel)
			defer cancels.Delete(one.ID)
		}
		arguments := map[string]any{}
		_ = json.Unmarshal(one.Arguments, &arguments)
		return (*client).Call(ctx, one.Name, arguments)
	default:
		(*client).Close()
		return map[string]any{}, nil
	}
}

// Serve answers commands until standard input ends.
func Serve(connect func(context.Context, Target) (Client, error)) {
	var client Client
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one command
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			print(map[string]any{"event": "unreadable", "error": err.Error()})
			continue
		}
		go func() {
			done, err := run(one, &client, connect)
			if err == nil {
				print(map[string]any{"id": one.ID, "ok": done})
				return
			}
			failed := map[string]any{"code": nil, "message": err.Error()}
			if failure, ok := err.(*Failure); ok {
				failed["code"] = failure.Code
			}
			print(map[string]any{"id": one.ID, "failed": failed})
		}()
	}
}

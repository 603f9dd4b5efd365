// Verifies what Toolgate proves of its audit log by libraries that others wrote, so that its formats are known to be
// the open ones. It reads cases from standard input, one a line as JSON, and prints "ok" or why not for each.
package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/note"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

type Case struct{ Kind, Path, Vkey, Leaf string }

var hasher = rfc6962.DefaultHasher

func checkpoint(text []byte, vkey string) (*log.Checkpoint, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	parsed, _, _, err := log.ParseCheckpoint(text, verifier.Name(), verifier)
	return parsed, err
}

// Each line is a hash in base64.
func hashes(text []byte) ([][]byte, error) {
	var all [][]byte
	for _, line := range strings.Fields(string(text)) {
		hash, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(hash) != 32 {
			return nil, errors.New("a hash is not one")
		}
		all = append(all, hash)
	}
	return all, nil
}

func files(path string) (map[string][]byte, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	all := map[string][]byte{}
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			return nil, err
		}
		if all[file.Name], err = io.ReadAll(reader); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// The records of a bundle between the subtrees before and behind them make the tree that the checkpoint signs.
func verifyBundle(path, vkey string) error {
	all, err := files(path)
	if err != nil {
		return err
	}
	var manifest struct{ FirstSeq, FromSeq, ToSeq, TreeSize uint64 }
	if err := json.Unmarshal(all["manifest.json"], &manifest); err != nil {
		return err
	}
	signed, err := checkpoint(all["checkpoint.txt"], vkey)
	if err != nil {
		return err
	}
	begin, end := manifest.FromSeq-manifest.FirstSeq, manifest.ToSeq-manifest.FirstSeq+1
	if manifest.FirstSeq > manifest.FromSeq || begin > end || end > signed.Size || manifest.TreeSize != signed.Size {
		return errors.New("the manifest contradicts the checkpoint")
	}
	before, err := hashes(all["before.txt"])
	if err != nil {
		return err
	}
	after, err := hashes(all["after.txt"])
	if err != nil {
		return err
	}
	factory := &compact.RangeFactory{Hash: hasher.HashChildren}
	whole, err := factory.NewRange(0, begin, before)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(all["records.ndjson"], []byte("\n"))
	for _, line := range lines[:len(lines)-1] {
		if err := whole.Append(hasher.HashLeaf(bytes.TrimSuffix(line, []byte("\n"))), nil); err != nil {
			return err
		}
	}
	if whole.End() != end || len(lines[len(lines)-1]) != 0 {
		return errors.New("not as many records as the manifest says")
	}
	rest, err := factory.NewRange(end, signed.Size, after)
	if err != nil {
		return err
	}
	if err := whole.AppendRange(rest, nil); err != nil {
		return err
	}
	root, err := whole.GetRootHash(nil)
	if err != nil || !bytes.Equal(root, signed.Hash) {
		return errors.New("the records are not those that were signed")
	}
	return nil
}

// A tlog-proof proves that a record is in the tree that its checkpoint signs.
func verifyProof(path, vkey, leaf string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var one tlogproof.TLogProof
	if err := one.Unmarshal(text); err != nil {
		return err
	}
	signed, err := checkpoint(one.Checkpoint, vkey)
	if err != nil {
		return err
	}
	var way [][]byte
	for _, hash := range one.Hashes {
		way = append(way, bytes.Clone(hash[:]))
	}
	return proof.VerifyInclusion(hasher, one.Index, signed.Size, hasher.HashLeaf([]byte(leaf)), way, signed.Hash)
}

type folder string

func (at folder) ReadTiles(_ context.Context, tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(at), torchwood.TilePath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}
func (folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (at folder) ReadEndpoint(_ context.Context, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(at), path))
}

// Every entry of a folder of tlog-tiles is in the tree that its checkpoint signs.
func verifyTiles(path, vkey string) error {
	text, err := os.ReadFile(filepath.Join(path, "checkpoint"))
	if err != nil {
		return err
	}
	signed, err := checkpoint(text, vkey)
	if err != nil {
		return err
	}
	client, err := torchwood.NewClient(folder(path))
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: int64(signed.Size), Hash: tlog.Hash(signed.Hash)}
	next := int64(0)
	for next < tree.N {
		for index := range client.Entries(context.Background(), tree, next) {
			next = index + 1
		}
		if client.Err() != nil {
			return client.Err()
		}
	}
	return nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one Case
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		var err error
		switch one.Kind {
		case "bundle":
			err = verifyBundle(one.Path, one.Vkey)
		case "proof":
			err = verifyProof(one.Path, one.Vkey, one.Leaf)
		case "tiles":
			err = verifyTiles(one.Path, one.Vkey)
		default:
			panic("no such kind: " + one.Kind)
		}
		if err != nil {
			fmt.Println("bad:", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok")
		}
	}
}

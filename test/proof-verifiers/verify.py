"""Verifies bundles of Toolgate's audit log by the standard library of Python and the openssl command alone.

Reads cases from standard input, one a line as JSON with path and vkey, and prints "ok" or why not for each.
"""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

# A public key of Ed25519 as DER, without the key itself (RFC 8410).
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


class Fault(Exception):
    """What is wrong with a bundle."""


def is_signed(body: bytes, signature: bytes, public_key: bytes) -> bool:
    """Whether openssl finds that this key signed this text."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": SPKI_PREFIX + public_key, "text": body, "signature": signature}
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature"
        return subprocess.run(command.split(), cwd=folder, capture_output=True, check=False).returncode == 0


def open_checkpoint(note: bytes, vkey: str) -> tuple[int, bytes]:
    """The size and the root that a signed note says, when this key signed it."""
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded)
    if hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] != key_id:
        raise Fault("the key is not the one that its id names")
    body, _, signatures = note.partition(b"\n\n")
    lines = body.decode().split("\n")
    if len(lines) != 3 or lines[0] != name:
        raise Fault("the checkpoint is of another log")
    for line in signatures.decode().splitlines():
        dash, signer, text = (line.split(" ") + ["", ""])[:3]
        signature = base64.b64decode(text)
        if dash == "\u2014" and signer == name and signature[:4].hex() == key_id:
            if is_signed(body + b"\n", signature[4:], key[1:]):
                return int(lines[1]), base64.b64decode(lines[2])
    raise Fault("no trusted key signed the checkpoint")


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(stack: list[tuple[int, bytes]], height: int, root: bytes) -> None:
    """Adds a perfect subtree to the right of others, which lie on the stack with their heights."""
    while stack and stack[-1][0] == height:
        root = node(stack.pop()[1], root)
        height += 1
    stack.append((height, root))


def subtrees(start: int, end: int) -> list[int]:
    """The heights of the perfect subtrees that cover these leaves, from left to right."""
    heights = []
    while start < end:
        height = (start & -start).bit_length() - 1 if start else end.bit_length() - 1
        while start + (1 << height) > end:
            height -= 1
        heights.append(height)
        start += 1 << height
    return heights


def verify(path: str, vkey: str) -> None:
    """Raises when the records of a bundle are not those that its checkpoint signs."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    size, root = open_checkpoint(files["checkpoint.txt"], vkey)
    start, end = manifest["fromSeq"] - manifest["firstSeq"], manifest["toSeq"] - manifest["firstSeq"] + 1
    if not 0 <= start <= end <= size or manifest["treeSize"] != size:
        raise Fault("the manifest contradicts the checkpoint")
    *lines, rest = files["records.ndjson"].split(b"\n")
    if rest or len(lines) != end - start:
        raise Fault("not as many records as the manifest says")
    stack: list[tuple[int, bytes]] = []
    for name, heights in (("before.txt", subtrees(0, start)), ("after.txt", subtrees(end, size))):
        hashes = [base64.b64decode(line, validate=True) for line in files[name].split()]
        if len(hashes) != len(heights):
            raise Fault(f"{name} has not as many hashes as it must")
        for height, one in zip(heights, hashes):
            append(stack, height, one)
        if name == "before.txt":
            for line in lines:
                append(stack, 0, hashlib.sha256(b"\x00" + line).digest())
    folded = stack.pop()[1]
    while stack:
        folded = node(stack.pop()[1], folded)
    if folded != root:
        raise Fault("the records are not those that were signed")


for text in sys.stdin:
    case = json.loads(text)
    try:
        verify(case["path"], case["vkey"])
        print("ok")
    except (Fault, ValueError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        print("bad:", " ".join(str(error).split()))

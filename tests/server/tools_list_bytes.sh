#!/bin/sh
# What tools/list costs a client's context for the shipped engineer stays within kToolsListBytes.
#   tools_list_bytes.sh SOURCE_DIR REMIT_BINARY
set -eu
source=$1 remit=$2
limit=$(sed -n "s/.*kToolsListBytes = \([0-9']*\);.*/\1/p" "$source/base/limits.h" | tr -d "'")
[ -n "$limit" ] || { echo "base/limits.h has no kToolsListBytes" >&2; exit 1; }
work=$(mktemp -d "${TMPDIR:-/tmp}/remit-list-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/workspace"
cat > "$work/in" <<'LINES'
{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}
LINES
"$remit" serve --agent "$source/agent_definitions/technical-support-engineer.md" \
  --workspace "$work/workspace" --state "$work/state" --instruction inst_list \
  < "$work/in" > "$work/out" 2> "$work/err" || { cat "$work/err" >&2; exit 1; }
grep '"id":2' "$work/out" > "$work/list" || { echo "no answer to tools/list" >&2; exit 1; }
grep -q '"memory_write"' "$work/list" || { echo "tools/list is not the engineer's" >&2; exit 1; }
bytes=$(wc -c < "$work/list")
echo "tools/list: $bytes bytes of $limit"
[ "$bytes" -le "$limit" ]

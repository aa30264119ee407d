#!/bin/sh
# A consult between two agents as their clients see it: three servers after one another on one
# Agent_Memory, each playing a transcript.
#   handoffs.sh SOURCE_DIR REMIT_BINARY WIRE_RUNNER
set -eu
source=$1 remit=$2 runner=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/remit-handoffs-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/workspace/Agent_Memory"
serve() {
  cat > "$work/$1" <<END
#!/bin/sh
exec '$remit' serve --agent '$source/agent_definitions/$1.md' --workspace '$work/workspace' \\
  --state '$work/state' --instruction inst_20260110_001 2>> '$work/err'
END
  chmod +x "$work/$1"
}
serve technical-support-engineer
serve dba
play() {
  "$runner" "$work/$1" "$source/tests/e2e/handoffs/$2.jsonl" || { cat "$work/err" >&2; exit 1; }
}
play technical-support-engineer 1_asks
play dba 2_answers
play technical-support-engineer 3_sees
"$remit" ledger verify --state "$work/state"

#!/bin/sh
# What a person types: exit codes, streams, files. $1: the program persona_verbs.
set -eu
verbs=$1
agents=$REMIT_SOURCE/agent_definitions
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

# expect CODE WORDS... : runs the verb, compares its exit code.
expect() {
  want=$1
  shift
  got=0
  "$verbs" "$@" >"$folder/out" 2>"$folder/err" || got=$?
  if [ "$got" != "$want" ]; then
    echo "FAIL: remit $*: exit $got, wanted $want"
    cat "$folder/out" "$folder/err"
    failed=1
  fi
}
# holds FILE TEXT
holds() {
  grep -qF -- "$2" "$folder/$1" || {
    echo "FAIL: no \"$2\" in $1:"
    cat "$folder/$1"
    failed=1
  }
}

expect 0 check "$agents/technical-support-engineer.md"
holds out "0 errors, 0 warnings, 2 infos"
expect 2 check
expect 0 check --help
holds out "usage: remit check PATH..."
expect 0 show --help
holds out "usage: remit show NAME_OR_FILE"
expect 0 diff -h
holds out "usage: remit diff OLD NEW"
expect 2 check --nonsense x.md
expect 2 check --dry-run x.md
expect 3 check "$folder/missing.md"
holds err "missing.md"
expect 0 show --json --instruction inst_1 "$agents/technical-support-engineer.md"
holds out '"what": "inst_1/instruction.yaml"'
expect 2 show
expect 2 show --instruction '../x' "$agents/dba.md"
expect 3 show no-such-agent

printf -- '---\nname: x\ndescription: Use this: for that\ntools: Read\n---\nbody\n' >"$folder/x.md"
cp "$folder/x.md" "$folder/before.md"
expect 1 check "$folder/x.md"
holds out "E-FM-03"
holds out "--fix"
expect 1 check --fix --dry-run "$folder/x.md"
holds err '+description: "Use this: for that"'
cmp -s "$folder/x.md" "$folder/before.md" || { echo "FAIL: --dry-run wrote"; failed=1; }
expect 0 check --fix "$folder/x.md"
grep -qx 'description: "Use this: for that"' "$folder/x.md" || { echo "FAIL: not fixed"; failed=1; }
grep -qx 'body' "$folder/x.md" || { echo "FAIL: body lost"; failed=1; }

sed 's/tools: Read/tools: Read, Bash/' "$folder/x.md" >"$folder/y.md"
expect 0 diff "$folder/x.md" "$folder/y.md"
holds out "+ tool Bash"
holds out "y.md:4:8"
expect 0 diff "$folder/x.md" "$folder/x.md"
holds out "no difference"
printf 'version: 1\nbash: {apply: hold}\n' >"$folder/y.manifest.yaml"
printf 'version: 1\n' >"$folder/old.manifest.yaml"
expect 0 diff "$folder/old.manifest.yaml" "$folder/y.manifest.yaml"
holds out "~ bash.apply: as_write -> hold"
exit $failed

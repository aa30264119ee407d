#!/bin/sh
# `remit COMMAND --help` prints the usage of every command of `remit --help`, and docs/cli.md names
# each of them.
#   cli_help.sh SOURCE REMIT_BINARY
set -u
source=$1 binary=$2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
XDG_STATE_HOME=$scratch/state HOME=$scratch
export XDG_STATE_HOME HOME

failed=0 ran=0
for command in $("$binary" --help | sed -n 's/^  \([a-z][a-z]*\)  *.*/\1/p'); do
  (cd "$scratch" && timeout 30 "$binary" "$command" --help) > "$scratch/out" 2> "$scratch/err" < /dev/null
  code=$?
  if [ $code -ne 0 ] || ! grep -q "^usage: remit $command" "$scratch/out"; then
    echo "remit $command --help ended with $code:"
    cat "$scratch/out" "$scratch/err"
    failed=1
  fi
  grep -q "remit $command" "$source/docs/cli.md" || { echo "docs/cli.md names no remit $command"; failed=1; }
  ran=$((ran + 1))
done
[ -e "$scratch/state" ] && { echo "help made a state directory"; failed=1; }
[ $ran -ge 17 ] || { echo "only $ran commands found: remit --help or this test is broken"; failed=1; }
[ $failed -eq 0 ] && echo "$ran commands print their usage"

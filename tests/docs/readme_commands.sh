#!/bin/sh
# The commands of README.md do what a reader may expect of them: each `build/remit ...` line of its
# ```sh blocks runs in a scratch folder and ends with data, a finding or a denial (0 or 1), not with
# a usage error; each `./dev WORD` is a command of ./dev.
#   readme_commands.sh SOURCE REMIT_BINARY
set -u
source=$1 binary=$2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/project/build" && ln -s "$binary" "$scratch/project/build/remit"
cp -R "$source/agent_definitions" "$source/manifests" "$scratch/project/"
XDG_STATE_HOME=$scratch/state HOME=$scratch
export XDG_STATE_HOME HOME

awk '/^```/ { inside = ($0 == "```sh") ; next } inside' "$source/README.md" > "$scratch/lines"
failed=0 ran=0
while IFS= read -r line; do
  command=$(printf '%s\n' "$line" | sed 's/  *# .*$//')
  case $command in
    ./dev*)
      word=$(printf '%s\n' "$command" | cut -d ' ' -f 2)
      "$source/dev" help 2>&1 | grep -q "^  $word" ||
        { echo "README.md names ./dev $word, which ./dev help does not"; failed=1; }
      ;;
    build/remit*)
      (cd "$scratch/project" && timeout 30 sh -c "$command") > "$scratch/out" 2>&1 < /dev/null
      code=$?
      if [ $code -gt 1 ]; then
        echo "README.md: '$command' ended with $code:"
        sed 's/^/  /' "$scratch/out" | head -20
        failed=1
      fi
      ;;
    '') continue ;;
    *) echo "README.md: what is '$command'?"; failed=1 ;;
  esac
  ran=$((ran + 1))
done < "$scratch/lines"
[ $ran -ge 8 ] || { echo "only $ran commands found: the README or this test is broken"; failed=1; }
[ $failed -eq 0 ] && echo "$ran commands of README.md hold"
exit $failed

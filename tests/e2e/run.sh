#!/bin/sh
# Runs one end-to-end script with the pinned Node, or skips (77) with the reason.
# usage: run.sh SCRIPT.mjs [ARGUMENTS]   environment: REMIT_BINARY, REMIT_PTY, REMIT_NODE_DIR
here=$(cd -- "$(dirname -- "$0")" && pwd)
script=$1
shift
for node in "$REMIT_NODE_DIR"/node_modules/node-linux-*/bin/node; do
  [ -x "$node" ] && exec "$node" --import "$here/resolve.mjs" "$here/$script" "$@"
done
echo "skipped: the npm packages of tests/e2e/package-lock.json are not in $REMIT_NODE_DIR (run ./dev test e2e)"
exit 77

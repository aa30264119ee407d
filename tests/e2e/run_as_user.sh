#!/bin/sh
# Runs one end-to-end script as an ordinary user where root runs the tests, in a copy of what it needs
# that this user can read. Skips (77) with the reason where the suite runs as an ordinary user anyway.
# usage: run_as_user.sh SCRIPT.mjs   environment: that of run.sh, and REMIT_SOURCE
set -eu
user=65534
[ "$(id -u)" = 0 ] || { echo "skipped: the suite itself already runs as an ordinary user"; exit 77; }
node=
for candidate in "$REMIT_NODE_DIR"/node_modules/node-linux-*; do
  [ ! -x "$candidate/bin/node" ] || node=$candidate
done
[ -n "$node" ] || exec "$(dirname -- "$0")/run.sh" "$1"  # says why it is skipped

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
modules=$tree/build/node/node_modules
mkdir -p "$modules/$(basename "$node")/bin" "$tree/tests" "$tree/home"
# Hard links where the file system allows: Node alone is a hundred megabytes.
link() { cp -al "$1" "$2" 2>/dev/null || cp -a "$1" "$2"; }
link "$node/bin/node" "$modules/$(basename "$node")/bin/node"
for module in "$REMIT_NODE_DIR"/node_modules/*; do
  case $module in */node-linux-* | */server-filesystem | */inspector*) ;; *) link "$module" "$modules/" ;; esac
done
cp "$REMIT_BINARY" "$REMIT_BINARY-postgres" "$tree/build/"
cp "$REMIT_PTY" "$tree/build/remit-pty"
cp -r "$REMIT_SOURCE/agent_definitions" "$REMIT_SOURCE/manifests" "$tree/"
cp -r "$REMIT_SOURCE/tests/e2e" "$tree/tests/"
personas=${REMIT_SHARED:-$REMIT_SOURCE/../shared}/data/personas
if [ -d "$personas" ]; then
  mkdir -p "$tree/shared/data"
  cp -r "$personas" "$tree/shared/data/"
fi
# Not the files that are linked: their modes are npm's, which reads for everybody.
find "$tree" -type d -exec chmod go+rx {} +
chmod -R go+rX "$tree/agent_definitions" "$tree/manifests" "$tree/tests" "$tree/build/remit" "$tree/build/remit-pty"
[ ! -d "$tree/shared" ] || chmod -R go+r "$tree/shared"
chown "$user" "$tree/home"
TMPDIR=$tree/home HOME=$tree/home REMIT_SHARED=$tree/shared REMIT_NODE_DIR=$tree/build/node \
REMIT_BINARY=$tree/build/remit REMIT_PTY=$tree/build/remit-pty \
  setpriv --reuid="$user" --regid="$user" --clear-groups --inh-caps=-all \
  "$tree/tests/e2e/run.sh" "$1"

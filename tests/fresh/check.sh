#!/bin/sh
# Proves that ./dev needs nothing but Debian 12: makes a bare root (debootstrap, minbase) in a
# temporary folder, clones this repository into it, and runs ./dev build and ./dev test inside.
# Needs root, debootstrap and the network (apt, npm). Takes minutes; not part of ./dev test.
#
#   tests/fresh/check.sh [AREA...]     areas for ./dev test (default: docs)
#   REMIT_FRESH_MIRROR=URL             Debian mirror (default http://deb.debian.org/debian)
#   REMIT_FRESH_ROOT=DIR               where to make the root (default: a temporary folder)
set -eu
source=$(cd -- "$(dirname -- "$0")/../.." && pwd)
mirror=${REMIT_FRESH_MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" -eq 0 ] || { echo "check.sh: debootstrap and chroot need root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "check.sh: install debootstrap" >&2; exit 3; }

root=${REMIT_FRESH_ROOT:-$(mktemp -d /tmp/remit-fresh-XXXXXX)}
cleanup() {
  umount "$root/proc" "$root/dev/pts" "$root/dev" 2>/dev/null || true
  # Never delete through a mount that is still there.
  if grep -q " $root/" /proc/mounts; then echo "check.sh: still mounted below $root" >&2; return; fi
  [ -n "${REMIT_FRESH_ROOT:-}" ] || rm -rf --one-file-system "$root"
}
trap cleanup EXIT INT TERM

if [ ! -x "$root/bin/bash" ]; then
  debootstrap --variant=minbase bookworm "$root" "$mirror" >&2
  echo "deb $mirror bookworm main" > "$root/etc/apt/sources.list"
  echo "deb $mirror bookworm-updates main" >> "$root/etc/apt/sources.list"
  echo "deb http://deb.debian.org/debian-security bookworm-security main" >> "$root/etc/apt/sources.list"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
# Certificates that this machine was told to trust hold inside, too.
mkdir -p "$root/usr/local/share/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts"

# A clean clone under a path with a blank: what is not committed is not there.
clone="$root/srv/my remit"
rm -rf "$clone"
git clone -q "$source" "$clone"

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
  ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"; }

echo "== ./dev build" && inside /bin/bash -c 'time "/srv/my remit/dev" build'
echo "== ./dev build, again" && inside /bin/bash -c 'time "/srv/my remit/dev" build'
echo "== ./dev test ${*:-docs}" && inside "/srv/my remit/dev" test ${*:-docs}
echo "== ./dev run on a pipe" && inside /bin/bash -c 'cd /tmp && printf "%s\n" \
  "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"fresh\",\"version\":\"1\"}}}" |
  "/srv/my remit/dev" run' | head -c 400 | grep -q '"serverInfo"' && echo "it answers"
echo "fresh: everything passed"

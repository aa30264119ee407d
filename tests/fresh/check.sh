#!/bin/sh
# Proves that ./dev needs nothing but Debian 12: makes a bare root (debootstrap, minbase), clones this
# repository into it under a path with a blank, and runs ./dev build, test, demo and run inside.
# Needs root, debootstrap and the network (apt, npm). Takes a quarter of an hour and more; not part of
# ./dev test.
#
#   tests/fresh/check.sh [AREA...]     areas for ./dev test (default: everything)
#   REMIT_FRESH_MIRROR=URL             Debian mirror (default http://deb.debian.org/debian)
#   REMIT_FRESH_ROOT=DIR               where to make the root, or one that is there (default: a
#                                      temporary folder, removed afterwards)
#
# Inside there are mount and pid namespaces of their own and the root is entered by pivot_root: user
# namespaces, which sandboxes need, are refused in a chroot; /dev is new, so that nothing done inside
# reaches a device node of this machine; mounts and processes end with the script.
set -eu

# In the namespaces. A function, so that the whole of it is read before the root changes.
enter() {
  root=$1
  shift
  mount --bind "$root" "$root"
  cd "$root"
  mount -t proc proc proc
  mount --rbind /sys sys
  mount -t tmpfs -o mode=755 dev dev
  for node in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
  done
  mknod -m 666 dev/tty c 5 0
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
  mount -t tmpfs -o mode=1777 shm dev/shm
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  ln -s fd/0 dev/stdin
  ln -s fd/1 dev/stdout
  ln -s fd/2 dev/stderr
  mkdir -p mnt/outside
  pivot_root . mnt/outside
  cd /
  umount -l /mnt/outside
  inside() { env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"; }

  echo "== ./dev build" && inside /bin/bash -c 'time "/srv/my remit/dev" build'
  echo "== ./dev build, again" && inside /bin/bash -c 'time "/srv/my remit/dev" build'
  echo "== ./dev test $*" && inside "/srv/my remit/dev" test "$@"
  echo "== ./dev demo" && inside "/srv/my remit/dev" demo
  echo "== ./dev run on a pipe"
  inside /bin/bash -c 'cd /tmp && printf "%s\n" \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"fresh\",\"version\":\"1\"}}}" |
    "/srv/my remit/dev" run' | head -c 400 | grep -q '"serverInfo"'
  echo "it answers"
  # ^C ends it, as a person would.
  echo "== ./dev run on a terminal"
  inside /bin/bash -c 'cd /tmp && "/srv/my remit/build/remit-pty" --timeout 120 \
    --expect "Ctrl-C ends it" --expect "Granted" --expect "mcpServers" --send $'"'\\003'"' \
    -- "/srv/my remit/dev" run'
}

if [ "${1:-}" = --inside ]; then
  shift
  enter "$@"
  exit
fi

source=$(cd -- "$(dirname -- "$0")/../.." && pwd)
mirror=${REMIT_FRESH_MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" -eq 0 ] || { echo "check.sh: debootstrap and new namespaces need root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "check.sh: install debootstrap" >&2; exit 3; }

root=${REMIT_FRESH_ROOT:-$(mktemp -d /tmp/remit-fresh-XXXXXX)}
[ -n "${REMIT_FRESH_ROOT:-}" ] || trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM

if [ ! -x "$root/bin/bash" ]; then
  debootstrap --variant=minbase bookworm "$root" "$mirror" >&2
  echo "deb $mirror bookworm main" > "$root/etc/apt/sources.list"
  echo "deb $mirror bookworm-updates main" >> "$root/etc/apt/sources.list"
  echo "deb http://deb.debian.org/debian-security bookworm-security main" >> "$root/etc/apt/sources.list"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
# As Debian's installer writes it; a minimal root has none.
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > "$root/etc/hosts"
# Certificates that this machine was told to trust hold inside, too.
mkdir -p "$root/usr/local/share/ca-certificates"
cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true

# A clean clone: what is not committed is not there.
clone="$root/srv/my remit"
rm -rf "$clone"
mkdir -p "$root/srv"
git clone -q "$source" "$clone"

unshare --mount --pid --fork --kill-child /bin/sh "$0" --inside "$root" "$@"
echo "fresh: everything passed"

#!/bin/sh
# remit-pty types what it should when it should, and passes exit codes on.
pty=$1
fail() { echo "FAILED: $*"; exit 1; }

out=$("$pty" --expect 'name?' --send Ada -- sh -c 'test -t 0 || exit 9; printf "name? "; read n; echo "hello $n"; exit 7')
code=$?
[ $code -eq 7 ] || fail "exit code 7 expected, got $code"
case $out in *"hello Ada"*) ;; *) fail "no greeting in: $out" ;; esac

out=$("$pty" --secret 4711 -- sh -c 'stty -echo; read s; stty echo; echo "got ${#s} characters"')
case $out in *4711*) fail "the secret was echoed: $out" ;; *"got 4 characters"*) ;; *) fail "$out" ;; esac

"$pty" --timeout 1 --expect never -- sh -c 'sleep 20' >/dev/null 2>&1
[ $? -eq 124 ] || fail "a step that never comes must time out"
"$pty" --expect never -- sh -c 'exit 3' >/dev/null 2>&1
[ $? -eq 124 ] || fail "a command that ends before the step is a failure"
echo "remit-pty works"

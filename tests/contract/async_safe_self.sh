#!/bin/sh
# async_safe_self.sh NM CC DIR - async_safe.sh finds what it is there to find
#
# DIR is where the scratch goes.
set -eu

nm=$1 cc=$2 scratch=$3/async_safe_self
check=$(dirname "$0")/async_safe.sh
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

cat >good.c <<'END'
#include <unistd.h>
void good(void);
void good(void) { (void)write(1, "", 1); }
END
cat >bad.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
void good(void);
void *bad(pthread_mutex_t *m);
void *bad(pthread_mutex_t *m)
{
	good();
	(void)dprintf(1, "%p", (void *)m);
	pthread_mutex_lock(m);
	return malloc(1);
}
END
# No hardening that a distribution may add: it would turn names into others.
"$cc" -U_FORTIFY_SOURCE -O1 -fPIC -c good.c bad.c
cat >allow <<'END'
# a comment
write : * : POSIX
_GLOBAL_OFFSET_TABLE_ : * : of the linker
pthread_mutex_lock : good : for good, not for bad
END
echo 'write : * :' >allow_without_reason

fail() {
	echo "FAIL  $1:"
	cat out
	exit 1
}

sh "$check" "$nm" allow good.o >out || fail "a safe object is refused"
echo "ok    a safe object passes"

if sh "$check" "$nm" allow good.o bad.o >out; then
	fail "an unsafe object passes"
fi
grep -q 'bad calls dprintf: not known' out || fail "dprintf is not named"
grep -q 'bad calls malloc: not known' out || fail "malloc is not named"
echo "ok    dprintf and malloc are named"

grep -q 'bad calls pthread_mutex_lock: allowed to others' out ||
	fail "what is allowed to another object passes"
echo "ok    what is allowed to another object is named"

if grep -q 'calls good' out; then
	fail "what another object defines is refused"
fi
echo "ok    what another object defines is allowed"

if sh "$check" "$nm" allow_without_reason good.o >out; then
	fail "a line without a reason passes"
fi
grep -q 'no reason given' out || fail "a line without a reason is not named"
echo "ok    a line without a reason is named"

if sh "$check" "$nm" no_such_file good.o >out; then
	fail "a list that is not there passes"
fi
if sh "$check" "$nm" allow >out; then
	fail "no objects at all pass"
fi
echo "ok    an empty list and an empty floor fail"

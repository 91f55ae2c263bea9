#!/bin/sh
# copies.sh DIR CC INCLUDE LIBRARY.a - several copies of it in one process
#
# shows: c50 c27
#
# Two plug-ins, each linked with the static library, so that each has a copy of
# its own (or, where the loader makes their names global, one serves both). Each
# is told of its own children, whichever is closed first, and no handler is left
# in code that is gone.
set -eu

scratch=$1/copies cc=$2 include=$3 library=$4
here=$(dirname "$0")/copies
rm -rf "$scratch"
mkdir -p "$scratch"

build() {
	"$cc" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -I"$include" \
		"$@"
}
for name in a b; do
	build -fPIC -shared -Wl,-soname,"$name.so" -o "$scratch/$name.so" \
		"$here/plugin.c" "$library" -pthread -ldl
done
build -o "$scratch/host" "$here/host.c" -pthread -ldl

# Does the kernel have pidfds, and may we use them?
cat >"$scratch/probe.c" <<'END'
#include <sigchld.h>

int
main(void)
{
	struct sigchld_ctx *ctx;

	return sigchld_new(&ctx,
		   SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD)) < 0;
}
END
build -o "$scratch/probe" "$scratch/probe.c" "$library" -pthread -ldl
wakes="signal"
if "$scratch/probe"; then
	wakes="signal pidfd"
else
	echo "skip  there are no pidfds here: by signal alone"
fi

status=0
for names in local global; do
	for wake in $wakes; do
		for order in inner outer; do
			if "$scratch/host" "$scratch/a.so" "$scratch/b.so" \
				"$names" "$wake" "$order"; then
				echo "ok    c50 c27 $names $wake $order"
			else
				echo "FAIL  c50 c27 $names $wake $order ($?)"
				status=1
			fi
		done
	done
done
exit "$status"

#!/bin/sh
# linked.sh READELF SHARED - how the shared library is linked
#
# It stays when a plug-in that brought it is unloaded: a handler may run at any
# time. All that it calls is looked up when it is loaded: a forked child calls
# what its parent never did, and must not wait for the dynamic linker then.
set -eu

readelf=$1 shared=$2 status=0

# flag NAME: it is among the library's flags
flag() {
	if "$readelf" -d "$shared" | grep 'FLAGS' | grep -qw "$1"; then
		echo "ok    $1"
	else
		echo "FAIL  $1 is not among its flags"
		status=1
	fi
}
flag NODELETE
flag NOW
if "$readelf" -lW "$shared" | grep -q GNU_RELRO; then
	echo "ok    what was looked up is read-only"
else
	echo "FAIL  what was looked up can be written"
	status=1
fi

exit "$status"

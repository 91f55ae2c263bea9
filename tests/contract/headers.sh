#!/bin/sh
# headers.sh INCLUDE LANGUAGE STANDARD COMPILER... - each public header alone
#
# In a strict mode, with no feature macro, nothing included before it, and every
# warning an error; and once more together with all others.
set -eu

include=$1 language=$2 standard=$3
shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

compile() {
	"$@" -x "$language" -std="$standard" -pedantic-errors -Wall -Wextra \
		-Wpedantic -Wconversion -Wshadow -Wundef -Werror \
		-I"$include" -c "$scratch/unit" -o "$scratch/unit.o"
}

echo 'int unit(void); int unit(void) { return 0; }' >"$scratch/unit"
if ! compile "$@" 2>/dev/null; then
	echo "skip  no compiler for $standard here"
	exit 77
fi

# judge NAME COMPILER...: unit is what the header makes it
judge() {
	name=$1
	shift
	if compile "$@"; then
		echo "ok    $name as $standard"
	else
		echo "FAIL  $name as $standard"
		status=1
	fi
}

: >"$scratch/all"
cd "$include"
for header in $(find . -name '*.h' | sed 's,^\./,,' | sort); do
	# Twice: it must guard itself. A name of its own, as an empty unit is
	# not strict C.
	printf '#include <%s>\n#include <%s>\nextern int unit;\n' \
		"$header" "$header" >"$scratch/unit"
	printf '#include <%s>\n' "$header" >>"$scratch/all"
	judge "$header" "$@"
done
[ -s "$scratch/all" ] || { echo "FAIL  no headers"; exit 1; }
{ cat "$scratch/all"; echo 'extern int unit;'; } >"$scratch/unit"
judge "all together" "$@"

exit "$status"

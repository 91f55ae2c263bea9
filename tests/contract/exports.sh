#!/bin/sh
# exports.sh CC NM MAP INCLUDE SHARED STATIC - what the world sees
#
# Three sets must be one: declared with SIGCHLD_API in the headers, listed in
# the map, exported by the shared library. In the static library, where
# visibility does not help, every global symbol must begin with sigchld_.
set -eu

cc=$1 nm=$2 map=$3 include=$4 shared=$5 static=$6
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
status=0

# Declarations end in a semicolon; of each that has the attribute, the first
# name before a parenthesis.
find "$include" -name '*.h' | sort | while read -r header; do
	"$cc" -I"$include" -E -P "$header" | tr '\n' ' ' | tr ';' '\n' |
		sed -n 's/.*visibility *("default")[^(]*)[^(]*[ *]\(sigchld_[a-z0-9_]*\) *(.*/\1/p'
done | sort -u >"$scratch/headers"

# nodes: "name node", for what stands in the map and in the library
awk '
	/^[A-Z_0-9.]+ [{]/ { node = $1 }
	/^global:/ { on = 1; next }
	/^local:/ { on = 0 }
	on && match($1, /^[a-z0-9_]+;$/) { print substr($1, 1, RLENGTH - 1), node }
' "$map" | sort >"$scratch/map_nodes"
cut -d' ' -f1 "$scratch/map_nodes" | sort -u >"$scratch/map"

"$nm" -D -P --defined-only "$shared" |
	awk '$2 != "A" { sub(/@+/, " ", $1); print $1 }' |
	sort >"$scratch/library_nodes"
cut -d' ' -f1 "$scratch/library_nodes" | sort -u >"$scratch/library"

for set in headers map library; do
	if [ ! -s "$scratch/$set" ]; then
		echo "FAIL  no symbols in: $set"
		status=1
	fi
done

# same A B: the sets A and B are one; names what is missing
same() {
	comm -23 "$scratch/$1" "$scratch/$2" >"$scratch/missing"
	while read -r symbol; do
		echo "FAIL  $symbol is in the $1, not in the $2"
		status=1
	done <"$scratch/missing"
}
same headers map
same map headers
same map library
same library map
same map_nodes library_nodes
[ "$status" -ne 0 ] || echo "ok    headers, map and shared library agree on" \
	"$(grep -c . "$scratch/map") symbols"

# Sanitizers add names of their own, absent from what ships. DW.ref.* is how the
# compiler names the unwinder's routine, hidden and merged by the linker.
"$nm" -g -P --defined-only "$static" | awk 'NF > 2 { print $1 }' |
	grep -vE '^(__odr_asan|__asan|__tsan|asan\.|DW\.ref\.)' |
	grep -v '^sigchld_' | sort -u >"$scratch/foreign" || :
while read -r symbol; do
	echo "FAIL  $symbol is global in the static library"
	status=1
done <"$scratch/foreign"
[ -s "$scratch/foreign" ] ||
	echo "ok    every global symbol of the static library is sigchld_*"

exit "$status"

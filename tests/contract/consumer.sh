#!/bin/sh
# consumer.sh BUILD DIR VERSION CMAKE CC CFLAGS - the installed library in use
#
# Installs into DIR and builds and runs a stranger's program against what is
# there: by find_package and by pkg-config, shared and static. CFLAGS are those
# that a program needs to link a sanitized library; usually none.
set -eu

build=$1 scratch=$2/consumer version=$3 cmake=$4 cc=$5 cflags=${6-}
source=$(dirname "$0")/consumer
rm -rf "$scratch"
mkdir -p "$scratch"

# The build tool that is there: it need not be the one that CMake prefers.
CMAKE_GENERATOR=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' \
	"$build/CMakeCache.txt")
export CMAKE_GENERATOR

run() {
	log=$scratch/log
	if ! "$@" >"$log" 2>&1; then
		echo "FAIL  $*:"
		cat "$log"
		exit 1
	fi
}

# proves NAME LIBRARY PROGRAM: it runs, and needs the shared library or not
proves() {
	run env LD_LIBRARY_PATH="$libdir" "$3"
	if ! grep -q 'the child exited with 42' "$log"; then
		echo "FAIL  $1: says '$(cat "$log")'"
		exit 1
	fi
	needed=static
	if readelf -d "$3" | grep -q 'NEEDED.*libsigchld\.so\.0\]'; then
		needed=shared
	fi
	if [ "$needed" != "$2" ]; then
		echo "FAIL  $1: linked $needed"
		exit 1
	fi
	echo "ok    $1, $2: the program runs"
}

run "$cmake" --install "$build" --prefix "$scratch/prefix"
libdir=$(dirname "$(find "$scratch/prefix" -name libsigchld.a)")

run "$cmake" -S "$source" -B "$scratch/cmake" -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_C_FLAGS="$cflags" -DCMAKE_PREFIX_PATH="$scratch/prefix" \
	-DWANT="$version"
run "$cmake" --build "$scratch/cmake"
proves find_package shared "$scratch/cmake/shared"
proves find_package static "$scratch/cmake/static"

# Until 1.0 another minor release is another library.
if "$cmake" -S "$source" -B "$scratch/other" -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_PREFIX_PATH="$scratch/prefix" -DWANT=0.99 >"$scratch/log" 2>&1; then
	echo "FAIL  find_package gives $version where 0.99 was asked for"
	exit 1
fi
echo "ok    find_package refuses another minor release"

export PKG_CONFIG_PATH="$libdir/pkgconfig"
found=$(pkg-config --modversion sigchld)
if [ "$found" != "$version" ]; then
	echo "FAIL  pkg-config gives version $found, not $version"
	exit 1
fi
# shellcheck disable=SC2046,SC2086 # flags are words
run "$cc" $cflags "$source/main.c" -o "$scratch/shared" \
	$(pkg-config --cflags --libs sigchld)
proves pkg-config shared "$scratch/shared"

# Without the shared library beside it, -lsigchld means the archive.
rm "$libdir"/libsigchld.so*
# shellcheck disable=SC2046,SC2086
run "$cc" $cflags "$source/main.c" -o "$scratch/static" \
	$(pkg-config --static --cflags --libs sigchld)
proves pkg-config static "$scratch/static"

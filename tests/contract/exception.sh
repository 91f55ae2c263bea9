#!/bin/sh
# exception.sh PROGRAM.cc INCLUDE LIBRARY.a COMPILER [FLAGS] - exceptions pass
#
# The C compiler compiles C++ too, where its C++ half is installed.
set -eu

program=$1 include=$2 library=$3 compiler=$4 flags=${5:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

echo 'int main() { try { throw 1; } catch (int) {} }' >"$scratch/probe.cc"
if ! "$compiler" "$scratch/probe.cc" -o "$scratch/probe" -lstdc++ 2>/dev/null
then
	echo "skip  no C++ here"
	exit 77
fi
# shellcheck disable=SC2086 # several flags, or none
"$compiler" -std=c++11 -Wall -Wextra -I"$include" $flags "$program" \
	-o "$scratch/exception" "$library" -lstdc++ -pthread
"$scratch/exception"

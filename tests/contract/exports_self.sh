#!/bin/sh
# exports_self.sh CC NM DIR - exports.sh finds what it is there to find
#
# DIR is where the scratch goes.
set -eu

cc=$1 nm=$2 scratch=$3/exports_self
check=$(dirname "$0")/exports.sh
rm -rf "$scratch"
mkdir -p "$scratch/include"
cd "$scratch"

cat >include/a.h <<'END'
#define API __attribute__((visibility("default")))
struct sigchld_x;
/* in no set: sigchld_comment(void); */
typedef int sigchld_fn(int);
API int sigchld_one(struct sigchld_x *x,
    sigchld_fn *fn);
API void *
sigchld_two(void);
int sigchld_not_api(void);
END
cat >a.c <<'END'
#include "a.h"
int sigchld_one(struct sigchld_x *x, sigchld_fn *fn) { return !x && !fn; }
void *sigchld_two(void) { return 0; }
END
echo 'API int sigchld_three(void);' >three.h
echo 'int stray(void); int stray(void) { return 1; }' >stray.c
printf 'SIGCHLD_0.1 {\nglobal:\n\tsigchld_one;\n\tsigchld_two;\nlocal:\n\t*;\n};\n' >full.map
printf 'SIGCHLD_0.1 {\nglobal:\n\tsigchld_one;\nlocal:\n\t*;\n};\n' >short.map
printf 'SIGCHLD_0.2 {\nglobal:\n\tsigchld_one;\n\tsigchld_two;\nlocal:\n\t*;\n};\n' >late.map

"$cc" -fPIC -fvisibility=hidden -Iinclude -c a.c stray.c
"$cc" -shared -Wl,--version-script=full.map a.o -o full.so
"$cc" -shared -Wl,--version-script=short.map a.o -o short.so
ar rc clean.a a.o
ar rc dirty.a a.o stray.o

# expect STATUS TEXT MAP SHARED STATIC
expect() {
	status=0
	sh "$check" "$cc" "$nm" "$3" include "$4" "$5" >out || status=$?
	if [ "$status" -ne "$1" ] || ! grep -q "$2" out; then
		echo "FAIL  $3, $4, $5: exit $status, wanted $1 and '$2':"
		cat out
		exit 1
	fi
	echo "ok    $3, $4, $5: $2"
}
expect 0 'agree on 2 symbols' full.map full.so clean.a
expect 1 'sigchld_two is in the headers, not in the map' \
	short.map short.so clean.a
expect 1 'sigchld_two is in the map, not in the library' \
	full.map short.so clean.a
expect 1 'sigchld_two is in the library, not in the map' \
	short.map full.so clean.a
expect 1 'sigchld_one SIGCHLD_0.2 is in the map_nodes' \
	late.map full.so clean.a
expect 1 'stray is global' full.map full.so dirty.a
cat three.h >>include/a.h
expect 1 'sigchld_three is in the headers, not in the map' \
	full.map full.so clean.a

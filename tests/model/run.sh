#!/bin/sh
# run.sh - check one variant of one model, exhaustively
#
#	run.sh EXPECT WORKDIR MODEL.pml [OPTION ...]
#
# EXPECT is "pass", or the name of the invariant that must break: a variant that
# is broken in another way than was meant is a failure too. The options, -DNAME
# or -DNAME=VALUE, go to spin, but for -O0 and the like, which go to the C
# compiler. SPIN, CC and MODEL_MB (memory, in megabytes) may be set.
#
# Exit status: 0 as expected, 1 not, 77 skipped because a tool is missing. After
# a failure WORKDIR is kept, with the trail; it tells how to replay it.
set -u

SPIN=${SPIN:-spin}
CC=${CC:-cc}
MODEL_MB=${MODEL_MB:-2048}
level=-O2

die()
{
	echo "FAIL: $*"
	exit 1
}

expect=$1
work=$2
model=$3
shift 3

defs=
for option; do
	case $option in
	-O*) level=$option ;;
	*) defs="$defs $option" ;;
	esac
done

for tool in "$SPIN" "$CC"; do
	command -v "$tool" >/dev/null 2>&1 || {
		echo "SKIP: no $tool"
		exit 77
	}
done

rm -rf "$work"
mkdir -p "$work" || die "cannot make $work"
cd "$work" || die "cannot enter $work"
cp "$model" model.pml || die "cannot read $model"

# shellcheck disable=SC2086 # the options are words
$SPIN -a $defs model.pml >spin.out 2>&1 || {
	cat spin.out
	die "spin"
}

# -E: a process that waits for ever is no error by itself. Each model has a
# monitor, which runs when nothing else can and knows who must have finished.
"$CC" "$level" -w -DSAFETY -DCOLLAPSE -DMEMLIM="$MODEL_MB" -o pan pan.c ||
	die "compiling the verifier"
# The hash table starts small and grows.
./pan -E -w18 -m200000 >pan.out 2>&1

states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out)
broken=$(sed -n 's/^pan:[0-9]*: assertion violated (\([A-Z_]*\)||.*/\1/p' \
    pan.out | head -n 1)
echo "$(basename "$model" .pml)$defs: ${broken:-no invariant} broken," \
    "${states:-no} states"

not_expected()
{
	cat pan.out
	echo "to replay: cd $work && $SPIN -t -p$defs model.pml"
	die "$1"
}

grep -q 'errors: ' pan.out || not_expected "the verifier did not finish"

if [ "$expect" = pass ]; then
	grep -q 'errors: 0$' pan.out || not_expected "an invariant is broken"
	grep -q -e 'not completed' -e 'depth too small' -e 'out of memory' \
	    -e 'MEMLIM' pan.out && not_expected "the search was not complete"
	# A run in which all is never quiet would prove little.
	sed -n '/^unreached in proctype Monitor/{n;p;}' pan.out |
	    grep -q '(0 of' || not_expected "the monitor never came to its end"
else
	[ "$broken" = "$expect" ] || not_expected "expected to break: $expect"
fi
cd / && rm -rf "$work"
exit 0

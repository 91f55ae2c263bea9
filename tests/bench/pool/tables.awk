# tables.awk - what the results of a run say, as tables
#
#	awk -v mode=MODE [-v works="deaths-2 deaths-100"]
#	    [-v rows="ours:one_us php-fpm:one_us"] [-v base=php-fpm:one_us]
#	    [-v scale=0.001] -f tables.awk RESULTS
#
# A line of RESULTS is ROUND WORK MECHANISM KEY VALUE. A row is of one mechanism
# and one key, a column of one workload.
#
# mode	cells	median (least - greatest) of all samples
#	ratios	to base: of each round's medians the ratio; median of these,
#		least and greatest
#	over	the same with the difference in place of the ratio
#	calls	which system calls a request costs
#	aims	what was aimed at, and what was reached
#	lines	for gnuplot: a block for each row
#	styles	for gnuplot: the colours of the blocks
#	range	for gnuplot: of all of these figures
#	has	"yes" if there is such a sample

BEGIN {
	n_titles = split("ours:one_us ours:one_event_us php-fpm:one_us " \
	    "apache:one_us raw:p50_us raw-epoll:p50_us ours:p50_us", order)
	for (i = 1; i <= n_titles; i++)
		number[order[i]] = i
	title["ours"] = "libsigchld"
	title["php-fpm"] = "php-fpm"
	title["apache"] = "Apache prefork"
	title["raw"] = "raw"
	title["raw-epoll"] = "raw, with epoll_wait"
	if (scale == "")
		scale = 1
}

{
	k = $2 SUBSEP $3 SUBSEP $4
	if (!($1 in met_round)) {
		met_round[$1] = 1
		rounds[++n_rounds] = $1
	}
	if ($4 ~ /_detail$/) {
		detail[k] = $5
		next
	}
	samples[k] = samples[k] " " $5
	of_round[k, $1] = of_round[k, $1] " " $5
}

# The list kept[1..n_kept], sorted.
function begin_list() {
	n_kept = 0
}
function keep(x,    i) {
	for (i = n_kept++; i > 0 && kept[i] > x; i--)
		kept[i + 1] = kept[i]
	kept[i + 1] = x
}
function middle() {
	return n_kept % 2 ? kept[(n_kept + 1) / 2] : \
	    (kept[n_kept / 2] + kept[n_kept / 2 + 1]) / 2
}

function take(text,    parts, n, i) {
	begin_list()
	n = split(text, parts, " ")
	for (i = 1; i <= n; i++)
		keep(parts[i] * scale)
	return n
}

# A row is "mechanism:key".
function key_of(work, row,    parts) {
	split(row, parts, ":")
	return work SUBSEP parts[1] SUBSEP parts[2]
}

function list(work, row,    k) {
	k = key_of(work, row)
	return k in samples ? take(samples[k]) : 0
}

function median_of_round(work, row, round,    k) {
	k = key_of(work, row) SUBSEP round
	return k in of_round && take(of_round[k]) ? middle() : ""
}

# Of each round in which there are both, how one stands to the other.
function list_pairs(work, row, other, differs,    r, a, b, found, n, i) {
	n = 0
	for (r = 1; r <= n_rounds; r++) {
		a = median_of_round(work, row, rounds[r])
		b = median_of_round(work, other, rounds[r])
		if (a == "" || b == "" || (!differs && b == 0))
			continue
		found[++n] = differs ? a - b : a / b
	}
	begin_list()
	for (i = 1; i <= n; i++)
		keep(found[i])
	return n
}

function short(x) {
	if (x < 0)
		return "−" short(-x)
	return x >= 100 ? sprintf("%d", x + 0.5) : x >= 10 ? \
	    sprintf("%.1f", x) : sprintf("%.2f", x)
}

function cell() {
	if (n_kept == 0)
		return "–"
	if (n_kept == 1)
		return short(kept[1])
	return short(middle()) " (" short(kept[1]) \
	    (kept[1] < 0 ? " to " : "–") short(kept[n_kept]) ")"
}

function title_of(row,    parts) {
	split(row, parts, ":")
	return title[parts[1]] (parts[2] ~ /_event_us$/ ? \
	    ", as its parent saw it" : "") (parts[2] ~ /_worker_kib$/ ? \
	    ", a worker" : "") (parts[2] ~ /_parent_kib$/ ? ", parent" : "") \
	    (parts[2] ~ /_own_kib$/ ? ", a worker's own" : "")
}

function after(work) {
	sub(/.*-/, "", work)
	return work
}

function column(work,    name) {
	name = after(work)
	if (name == "100" && work ~ /^(dispatch|calls)/)
		return "100 B"
	if (name == "4k")
		return "4 KiB"
	if (name == "64k")
		return "64 KiB"
	if (name == "1m")
		return "1 MiB"
	return name
}

function present(row,    j) {
	for (j = 1; j <= n_works; j++)
		if (list(wanted[j], row))
			return 1
	return 0
}

function head(    j) {
	printf "| |"
	for (j = 1; j <= n_works; j++)
		printf " %s |", column(wanted[j])
	printf "\n| --- |"
	for (j = 1; j <= n_works; j++)
		printf " ---: |"
	printf "\n"
}

function cells(how,    i, j) {
	head()
	for (i = 1; i <= n_rows; i++) {
		if (!present(row[i]) || (how != "" && row[i] == base))
			continue
		printf "| %s |", title_of(row[i])
		for (j = 1; j <= n_works; j++) {
			if (how == "")
				list(wanted[j], row[i])
			else
				list_pairs(wanted[j], row[i], base, \
				    how == "over")
			printf " %s |", cell()
		}
		printf "\n"
	}
}

function words(text) {
	gsub(/:/, " ", text)
	gsub(/,/, ", ", text)
	return text
}

function calls(    j, i, n, mechs, k) {
	n = split("raw raw-epoll ours", mechs)
	print "| | | parent | which | worker | which |"
	print "| --- | --- | ---: | --- | ---: | --- |"
	for (j = 1; j <= n_works; j++) {
		for (i = 1; i <= n; i++) {
			k = wanted[j] SUBSEP mechs[i] SUBSEP
			if (!((k "parent_calls") in samples))
				continue
			printf "| %s | %s |", column(wanted[j]), title[mechs[i]]
			take(samples[k "parent_calls"])
			printf " %.2f | %s |", middle(), \
			    words(detail[k "parent_detail"])
			take(samples[k "worker_calls"])
			printf " %.2f | %s |\n", middle(), \
			    words(detail[k "worker_detail"])
		}
	}
}

# What was aimed at. The list is there; strict is: below, not the same.
function verdict(what, aim, most, strict,    x, ok) {
	if (n_kept == 0)
		return
	x = middle()
	ok = strict ? x < most : x <= most
	print "| " what " | " aim " | " cell() " | " \
	    (ok ? "reached" : "**missed**" (most > 0 && x > most ? \
	    sprintf(" by %.1f %%", (x / most - 1) * 100) : "")) " |"
}

function aims(    n, i, counts, sizes) {
	print "| | aim | measured | |"
	print "| --- | ---: | ---: | --- |"
	n = split("2 100 500", counts)
	scale = 0.001
	for (i = 1; i <= n; i++) {
		list("deaths-" counts[i], "ours:one_us")
		verdict("one death to READY, N = " counts[i] ", ms", \
		    "at most 2", 2)
	}
	for (i = 1; i <= n; i++) {
		list_pairs("deaths-" counts[i], "ours:one_us", \
		    "php-fpm:one_us")
		verdict("the same, to php-fpm, N = " counts[i], "below 1", 1, 1)
	}
	list("deaths-500", "ours:all_us")
	verdict("500 deaths to a full pool, ms", "at most 200", 200)
	list_pairs("deaths-500", "ours:all_us", "php-fpm:all_us")
	verdict("the same, to php-fpm", "at most 1", 1)
	scale = 1
	n = split("100 4k 64k 1m", sizes)
	for (i = 1; i <= n; i++) {
		list_pairs("dispatch-one-" sizes[i], "ours:p50_us", \
		    "raw:p50_us", 1)
		verdict("dispatch over raw on one CPU, " \
		    column("dispatch-one-" sizes[i]) ", p50, µs", \
		    "at most 3", 3)
	}
	list("crash-4", "ours:crash_first")
	verdict("crash loop: forks per second and slot, first second", \
	    "at most 10", 10)
	list("crash-4", "ours:crash_later")
	verdict("the same, later", "below 1", 1, 1)
	list("deaths-100", "ours:idle_wakes")
	verdict("wake-ups of an idle parent per second", "0", 0)
}

# For gnuplot

function x_of(work,    name) {
	name = after(work)
	return name == "4k" ? 4096 : name == "64k" ? 65536 : \
	    name == "1m" ? 1048576 : name
}

function lines(    i, j) {
	for (i = 1; i <= n_rows; i++) {
		if (!present(row[i]))
			continue
		printf "\"%s\"\n", title_of(row[i])
		for (j = 1; j <= n_works; j++)
			if (list(wanted[j], row[i]))
				print x_of(wanted[j]), middle(), kept[1], \
				    kept[n_kept]
		printf "\n\n"
	}
}

# all_us is coloured as one_us is.
function styles(    i, name) {
	for (i = 1; i <= n_rows; i++) {
		name = row[i]
		sub(/:all_/, ":one_", name)
		if (present(row[i]))
			printf "%d ", number[name]
	}
	printf "\n"
}

function range(    i, j, low, high) {
	low = high = ""
	for (i = 1; i <= n_rows; i++)
		for (j = 1; j <= n_works; j++) {
			if (!list(wanted[j], row[i]))
				continue
			if (low == "" || kept[1] < low)
				low = kept[1]
			if (high == "" || kept[n_kept] > high)
				high = kept[n_kept]
		}
	print low, high
}

function has(    i) {
	for (i = 1; i <= n_rows; i++)
		if (present(row[i])) {
			print "yes"
			return
		}
}

END {
	n_works = split(works, wanted)
	n_rows = split(rows, row)
	if (mode == "cells")
		cells("")
	else if (mode == "ratios" || mode == "over")
		cells(mode)
	else if (mode == "calls")
		calls()
	else if (mode == "aims")
		aims()
	else if (mode == "lines")
		lines()
	else if (mode == "styles")
		styles()
	else if (mode == "range")
		range()
	else if (mode == "has")
		has()
}

# plot.gp - one plot, in a file
#
#	gnuplot -e "kind='lines'; data='..'; out='..'; styles='1 3';
#	    range='1 2'; xname='..'; yname='..'; columns='..'" plot.gp
#
# kind lines: a block of x, median, least, greatest for each mechanism; styles
# has the number of each, so that it has the same colour in every plot.
# kind bars: a line for each mechanism, three numbers for each of the columns.

if (out[strlen(out) - 2:] eq 'png') {
	set terminal pngcairo size 900,560 font 'sans,11'
} else {
	set terminal svg size 900,560 dynamic font 'sans,13' background 'white'
}
set output out
set encoding utf8
set datafile missing '?'
set border 3 lc rgb '#555555'
set tics nomirror out
set grid ytics lc rgb '#dddddd' lw 0.7
set logscale y
set ylabel yname
low = real(word(range, 1))
high = real(word(range, 2))
set errorbars lc rgb '#222222'

# libsigchld in strong colours, the floors in greys, the peers in others
array colour[12] = [ '#c00020', '#e86a00', '#f08cb0', '#000000', '#606060', \
    '#a0a0a0', \
    '#2060c0', '#40a0e0', '#107040', '#70b030', '#b0a000', '#8040b0' ]
array point[12] = [ 7, 5, 9, 6, 8, 4, 13, 12, 11, 10, 3, 2 ]

if (kind eq 'lines') {
	set key outside right center reverse Left samplen 2 spacing 1.2
	set logscale x
	set xlabel xname
	set offsets graph 0.03, graph 0.03, 0, 0
	set yrange [low / 1.2 : high * 1.2]
	set for [k=-1:5] ytics add ( \
	    sprintf('%g', 2 * 10.0 ** k) 2 * 10.0 ** k, \
	    sprintf('%g', 5 * 10.0 ** k) 5 * 10.0 ** k)
	eval 'set xtics (' . columns . ')'
	plot for [i=1:words(styles)] data index (i - 1) using 1:2:3:4 \
	    with yerrorlines title columnheader(1) \
	    lc rgb colour[int(word(styles, i))] \
	    pt point[int(word(styles, i))] ps 0.8 \
	    lw (int(word(styles, i)) < 4 ? 2.5 : 1.3)
} else {
	array shade[4] = [ '#c00020', '#2060c0', '#70b030', '#888888' ]
	set key outside top left horizontal reverse Left samplen 2
	set style data histograms
	set style histogram errorbars gap 1 lw 1
	set style fill solid 0.85 noborder
	set boxwidth 0.9 relative
	set xtics rotate by -35 left scale 0
	set yrange [low / 2 : high * 1.5]
	plot for [i=1:words(columns)] data \
	    using (column(3 * i - 1)):(column(3 * i)): \
	    (column(3 * i + 1)):xtic(1) title word(columns, i) lc rgb shade[i]
}

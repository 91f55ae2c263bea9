# plot.gp - one plot, in a file
#
#	gnuplot -e "data='..'; out='..'; styles='1 3'; range='1 2'; xname='..';
#	    yname='..'; columns='..'" plot.gp
#
# data has a block of x, median, least, greatest for each row of a table; styles
# has the number of each, so that it has the same colour in every plot.

if (out[strlen(out) - 2:] eq 'png') {
	set terminal pngcairo size 900,480 font 'sans,11' noenhanced
} else {
	set terminal svg size 900,480 dynamic font 'sans,13' background 'white' noenhanced
}
set output out
set encoding utf8
set border 3 lc rgb '#555555'
set tics nomirror out
set grid ytics lc rgb '#dddddd' lw 0.7
set logscale xy
set xlabel xname
set ylabel yname
set format y '%g'
set key outside right center reverse Left samplen 2 spacing 1.2
set offsets graph 0.05, graph 0.05, 0, 0
set yrange [real(word(range, 1)) / 1.3 : real(word(range, 2)) * 1.3]
set for [k=-2:6] ytics add ( \
    sprintf('%g', 2 * 10.0 ** k) 2 * 10.0 ** k, \
    sprintf('%g', 5 * 10.0 ** k) 5 * 10.0 ** k)
eval 'set xtics (' . columns . ')'

# libsigchld in strong colours, the floors in greys, the peers in others
array colour[7] = [ '#c00020', '#e86a00', '#2060c0', '#70b030', '#000000', \
    '#808080', '#c00020' ]
array point[7] = [ 7, 5, 13, 9, 6, 4, 7 ]

plot for [i=1:words(styles)] data index (i - 1) using 1:2 with lines \
    notitle lc rgb colour[int(word(styles, i))] lw 1.3, \
    for [i=1:words(styles)] data index (i - 1) using 1:2:3:4 \
    with yerrorbars title columnheader(1) \
    lc rgb colour[int(word(styles, i))] \
    pt point[int(word(styles, i))] ps 0.8 lw 1.3

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault bench: a picture of the figures, by gnuplot. */
#include "config.h"

#include "bench.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

#define TITLE_CHARS	72

static const char head[] =
	"set encoding utf8\n"
	"set terminal svg size 800,360 noenhanced background rgb 'white'\n"
	"set style fill solid 0.7\n"
	"set boxwidth 0.6\n"
	"unset key\n"
	"set grid ytics\n"
	"set xrange [-0.5:2.5]\n"
	"set yrange [0:*]\n"
	"set offsets 0, 0, graph 0.1, 0\n"
	"set pointintervalbox 0\n"
	"set bars 2\n";

static const char *const colors[LOF_BENCH_NWAYS] = {
	[LOF_BENCH_NONE] = "0x999999",
	[LOF_BENCH_EAGER] = "0xd95f02",
	[LOF_BENCH_ONFAULT] = "0x1b9e77",
};

int lof_bench_find_gnuplot(char *path, size_t size)
{
	int err = lof_find_command("gnuplot", path, size);

	if (!err)
		return 0;
	warnx("cannot find gnuplot, which draws the picture of --svg: %s",
	      strerror(-err));
	return -1;
}

/* gnuplot substitutes the output of commands in some strings. */
static void write_title(FILE *script, const struct lof_bench *bench)
{
	size_t left = TITLE_CHARS;

	fputs("set multiplot layout 1,2 title '", script);
	for (char **word = bench->command; *word; word++) {
		for (const char *at = *word; *at && left > 0; at++, left--)
			putc((unsigned char)*at < ' ' || *at == 0x7f ||
			     strchr("'\"`\\$@", *at) ? '?' : *at, script);
		if (word[1])
			putc(' ', script);
	}
	fputs("'\n", script);
}

/* The median is a box with its number; the range of the runs is a bar. */
static void write_plot(FILE *script, const struct lof_bench *bench,
		       enum lof_figure figure, const char *title,
		       double unit)
{
	struct lof_summary summary;

	fprintf(script, "set title '%s'\nset xtics (", title);
	for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++)
		fprintf(script, "%s'%s' %d", way ? ", " : "",
			lof_bench_way_names[way], way);
	fputs(")\n$data << end\n", script);
	for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++) {
		lof_bench_summarize(bench, way, figure, &summary);
		if (!summary.has)
			continue;
		fprintf(script, "%d %.6g %.6g %.6g %s\n", way,
			summary.median / unit, (double)summary.least / unit,
			(double)summary.most / unit, colors[way]);
	}
	fputs("end\n"
	      "plot $data using 1:2:5 with boxes linecolor rgb variable, \\\n"
	      "  $data using 1:2:3:4 with yerrorbars linecolor rgb 'black' "
	      "pointtype -1, \\\n"
	      "  $data using 1:4:(sprintf('%.3g', $2)) with labels "
	      "offset 0,0.7\n", script);
}

static void write_script(FILE *script, const struct lof_bench *bench)
{
	bool exits = bench->ready.kind == LOF_READY_EXIT;

	fputs(head, script);
	write_title(script, bench);
	write_plot(script, bench, LOF_BENCH_READY, exits ?
		   "time until exit (ms)" : "time until ready (ms)", 1e6);
	write_plot(script, bench, exits ? LOF_BENCH_PEAK : LOF_BENCH_RESIDENT,
		   exits ? "resident at most (MiB)" :
			   "resident when ready (MiB)", 1 << 20);
	fputs("unset multiplot\n", script);
}

/* gnuplot gets no file name: it would start a command for "|command". */
static int run_gnuplot(const char *gnuplot, FILE *script, FILE *picture)
{
	int status;
	pid_t pid;

	if (fflush(script))
		return -errno;
	rewind(script);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		dup2(fileno(script), STDIN_FILENO);
		dup2(fileno(picture), STDOUT_FILENO);
		/* In the locale C it warns of a sign that it does not draw. */
		setenv("LC_ALL", "C.UTF-8", 1);
		execl(gnuplot, "gnuplot", "-d", "-", NULL);
		_exit(LOF_EXIT_CANNOT_EXEC);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status ? -EIO : 0;
}

static int copy(FILE *from, const char *path)
{
	FILE *to = fopen(path, "we");
	char buf[4096];
	bool failed;
	size_t n;

	if (!to)
		return -errno;
	rewind(from);
	while ((n = fread(buf, 1, sizeof(buf), from)) > 0)
		if (fwrite(buf, 1, n, to) < n)
			break;
	failed = ferror(from) || ferror(to);
	return fclose(to) || failed ? -EIO : 0;
}

static int draw(const struct lof_bench *bench, const char *gnuplot,
		FILE *script, FILE *picture)
{
	int err;

	write_script(script, bench);
	err = run_gnuplot(gnuplot, script, picture);
	if (err) {
		warnx("gnuplot failed: %s", strerror(-err));
		return -1;
	}
	err = copy(picture, bench->svg);
	if (!err)
		return 0;
	warnx("cannot write %s: %s", bench->svg, strerror(-err));
	return -1;
}

static FILE *open_temporary(void)
{
	int fd = lof_bench_temporary();

	if (fd >= 0)
		return fdopen(fd, "w+");
	warnx("cannot make a temporary file: %s", strerror(-fd));
	return NULL;
}

int lof_bench_draw(const struct lof_bench *bench, const char *gnuplot)
{
	FILE *script = open_temporary();
	FILE *picture = script ? open_temporary() : NULL;
	int ret = -1;

	if (picture)
		ret = draw(bench, gnuplot, script, picture);
	if (script)
		fclose(script);
	if (picture)
		fclose(picture);
	return ret;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault bench: the table for people, with a sentence, and JSON. */
#include "config.h"

#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <string.h>

#include "cmd.h"

#define CELL_CHARS	80

/* A unit has a factor between its names. */
struct unit {
	const char *name;		/* of the plain number, in JSON */
	double factor;
	const char *names[7];
};

static const struct unit nanoseconds = {
	"ns", 1000, { "ns", "us", "ms", "s" },
};
static const struct unit bytes = {
	"bytes", 1024, { "B", "K", "M", "G", "T", "P" },
};
static const struct unit count = { "count", 1, { "" } };

static const struct {
	const char *name;
	const struct unit *unit;
} measures[LOF_BENCH_NMEASURES] = {
	[LOF_BENCH_READY] = { "ready", &nanoseconds },
	[LOF_BENCH_RESIDENT] = { "resident", &bytes },
	[LOF_BENCH_ANONYMOUS] = { "anonymous", &bytes },
	[LOF_BENCH_CHARGED] = { "charged", &bytes },
	[LOF_BENCH_LOCKED] = { "locked", &bytes },
	[LOF_BENCH_PEAK] = { "peak", &bytes },
	[LOF_BENCH_MINFLT] = { "minflt", &count },
	[LOF_BENCH_MAJFLT] = { "majflt", &count },
};

const char *const lof_bench_way_names[LOF_BENCH_NWAYS] = {
	[LOF_BENCH_NONE] = "no lock",
	[LOF_BENCH_EAGER] = "eager",
	[LOF_BENCH_ONFAULT] = "on fault",
};

static const struct {
	const char *heading, *word;
} ways[LOF_BENCH_NWAYS] = {
	[LOF_BENCH_NONE] = { "NO LOCK", "none" },
	[LOF_BENCH_EAGER] = { "EAGER", "eager" },
	[LOF_BENCH_ONFAULT] = { "ON FAULT", "onfault" },
};

/* Without --ready, the first figure is the time until CMD has exited. */
static const char *name_of(const struct lof_bench *bench,
			   enum lof_figure figure)
{
	if (figure == LOF_BENCH_READY && bench->ready.kind == LOF_READY_EXIT)
		return "exit";
	return measures[figure].name;
}

/* Three digits, but no exponent. */
static void number_text(char *buf, const struct unit *unit, double value)
{
	bool whole = !unit->names[1] || value >= 999.5;

	snprintf(buf, LOF_SIZE_CHARS, whole ? "%.0f" : "%.3g", value);
}

/* Format "1.25M", or "1.25M 1.24-1.3" if the runs differ. */
static const char *format(char *buf, const struct unit *unit,
			  const struct lof_summary *summary, bool range)
{
	char median[LOF_SIZE_CHARS], least[LOF_SIZE_CHARS];
	char most[LOF_SIZE_CHARS];
	double divisor = 1;
	size_t i = 0;

	if (!summary->has)
		return strcpy(buf, "-");
	for (; summary->median / divisor >= 999.5 && unit->names[i + 1]; i++)
		divisor *= unit->factor;
	number_text(median, unit, summary->median / divisor);
	number_text(least, unit, (double)summary->least / divisor);
	number_text(most, unit, (double)summary->most / divisor);
	if (range && strcmp(least, most) != 0)
		snprintf(buf, CELL_CHARS, "%s%s %s-%s", median, unit->names[i],
			 least, most);
	else
		snprintf(buf, CELL_CHARS, "%s%s", median, unit->names[i]);
	return buf;
}

/* The ratio of two medians; NULL: it is unknown or infinite. */
static const char *ratio_text(char *buf, const struct lof_summary *of,
			      const struct lof_summary *to, int digits)
{
	if (!of->has || !to->has || !(to->median > 0))
		return NULL;
	snprintf(buf, CELL_CHARS, "%.*f", digits, of->median / to->median);
	return buf;
}

/* Fill the cells from *column on with a way and its ratio to no lock. */
static int add_way(const struct lof_bench *bench, struct libscols_line *line,
		   enum lof_figure figure, enum lof_bench_way way,
		   size_t *column)
{
	struct lof_summary none, summary;
	char buf[CELL_CHARS];
	const char *ratio;

	lof_bench_summarize(bench, LOF_BENCH_NONE, figure, &none);
	lof_bench_summarize(bench, way, figure, &summary);
	format(buf, measures[figure].unit, &summary, true);
	if (scols_line_set_data(line, (*column)++, buf))
		return -ENOMEM;
	if (way == LOF_BENCH_NONE)
		return 0;
	ratio = ratio_text(buf, &summary, &none, 2);
	return scols_line_set_data(line, (*column)++, ratio ? ratio : "-") ?
	       -ENOMEM : 0;
}

static bool is_known(const struct lof_bench *bench,
		     enum lof_figure figure)
{
	struct lof_summary summary;

	for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++) {
		lof_bench_summarize(bench, way, figure, &summary);
		if (summary.has)
			return true;
	}
	return false;
}

static int fill_table(const struct lof_bench *bench,
		      struct libscols_table *table)
{
	enum lof_figure figure = 0;
	int err = 0;

	for (; !err && figure < LOF_BENCH_NMEASURES; figure++) {
		struct libscols_line *line;
		size_t column = 1;

		if (!is_known(bench, figure))
			continue;
		line = scols_table_new_line(table, NULL);
		if (!line || scols_line_set_data(line, 0,
						 name_of(bench, figure)))
			return -ENOMEM;
		for (enum lof_bench_way way = 0;
		     !err && way < LOF_BENCH_NWAYS; way++)
			err = add_way(bench, line, figure, way, &column);
	}
	return err;
}

static int add_columns(struct libscols_table *table)
{
	bool made = scols_table_new_column(table, "MEASURE", 0, 0);

	for (enum lof_bench_way way = 0; made && way < LOF_BENCH_NWAYS;
	     way++) {
		made = scols_table_new_column(table, ways[way].heading, 0,
					      SCOLS_FL_RIGHT);
		if (made && way != LOF_BENCH_NONE)
			made = scols_table_new_column(table, "RATIO", 0,
						      SCOLS_FL_RIGHT);
	}
	return made ? 0 : -ENOMEM;
}

/* --- JSON: a row for each figure and way, with plain numbers */

static const struct {
	const char *name;
	int type;
} keys[] = {
	{ "measure", SCOLS_JSON_STRING }, { "unit", SCOLS_JSON_STRING },
	{ "way", SCOLS_JSON_STRING }, { "runs", SCOLS_JSON_NUMBER },
	{ "median", SCOLS_JSON_NUMBER }, { "min", SCOLS_JSON_NUMBER },
	{ "max", SCOLS_JSON_NUMBER }, { "ratio", SCOLS_JSON_NUMBER },
};

#define NKEYS	(sizeof(keys) / sizeof(keys[0]))

static int add_keys(struct libscols_table *table)
{
	for (size_t i = 0; i < NKEYS; i++) {
		struct libscols_column *column;

		column = scols_table_new_column(table, keys[i].name, 0, 0);
		if (!column || scols_column_set_json_type(column, keys[i].type))
			return -ENOMEM;
	}
	return 0;
}

static int add_json_row(const struct lof_bench *bench,
			struct libscols_table *table, enum lof_figure figure,
			enum lof_bench_way way)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[4][CELL_CHARS], ratio[CELL_CHARS];
	struct lof_summary none, summary;
	const char *cells[NKEYS] = {
		name_of(bench, figure), measures[figure].unit->name,
		ways[way].word, text[0],
	};

	lof_bench_summarize(bench, LOF_BENCH_NONE, figure, &none);
	lof_bench_summarize(bench, way, figure, &summary);
	snprintf(text[0], CELL_CHARS, "%u", summary.has ? bench->runs : 0);
	if (summary.has) {
		for (int i = 1; i < 4; i++)
			cells[3 + i] = text[i];
		snprintf(text[1], CELL_CHARS, "%.0f", summary.median);
		snprintf(text[2], CELL_CHARS, "%" PRIu64, summary.least);
		snprintf(text[3], CELL_CHARS, "%" PRIu64, summary.most);
		cells[7] = ratio_text(ratio, &summary, &none, 3);
	}
	for (size_t i = 0; line && i < NKEYS; i++)
		if (cells[i] && scols_line_set_data(line, i, cells[i]))
			return -ENOMEM;
	return line ? 0 : -ENOMEM;
}

static int fill_json(const struct lof_bench *bench,
		     struct libscols_table *table)
{
	int err = 0;

	scols_table_enable_json(table, 1);
	scols_table_set_name(table, "bench");
	for (int i = 0; !err && i < LOF_BENCH_NMEASURES * LOF_BENCH_NWAYS; i++)
		err = add_json_row(bench, table,
				   (enum lof_figure)(i / LOF_BENCH_NWAYS),
				   (enum lof_bench_way)(i % LOF_BENCH_NWAYS));
	return err;
}

/* --- the sentences */

static void print_title(const struct lof_bench *bench)
{
	for (char **word = bench->command; *word; word++) {
		lof_print_quoted(stdout, *word);
		putchar(word[1] ? ' ' : '\n');
	}
	printf("Runs: %u each. Cells: the median, smallest-largest. "
	       "RATIO: to NO LOCK.\n\n", bench->runs);
}

/* Print "4.83M resident on fault, 69.2M eager, 4.8M without locks". */
static void print_three(const struct lof_bench *bench, enum lof_figure figure,
			const char *before, const char *after)
{
	struct lof_summary summary[LOF_BENCH_NWAYS];
	char text[LOF_BENCH_NWAYS][CELL_CHARS];

	for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++) {
		lof_bench_summarize(bench, way, figure, &summary[way]);
		format(text[way], measures[figure].unit, &summary[way],
		       false);
	}
	printf("%s: %s on fault, %s eager, %s without locks%s\n", before,
	       text[LOF_BENCH_ONFAULT], text[LOF_BENCH_EAGER],
	       text[LOF_BENCH_NONE], after);
}

/* Print "77.4M less", of a figure on fault instead of eager. */
static void print_difference(const struct lof_bench *bench,
			     enum lof_figure figure, const char *less,
			     const char *more)
{
	struct lof_summary eager, onfault, difference;
	char text[CELL_CHARS];

	lof_bench_summarize(bench, LOF_BENCH_EAGER, figure, &eager);
	lof_bench_summarize(bench, LOF_BENCH_ONFAULT, figure, &onfault);
	difference = (struct lof_summary){
		.has = true, .median = eager.median - onfault.median,
	};
	if (difference.median < 0) {
		difference.median = -difference.median;
		less = more;
	}
	printf("%s%s", format(text, measures[figure].unit, &difference,
			      false), less);
}

static void print_gain(const struct lof_bench *bench)
{
	bool exits = bench->ready.kind == LOF_READY_EXIT;
	enum lof_figure memory = exits ? LOF_BENCH_PEAK :
					 LOF_BENCH_RESIDENT;

	putchar('\n');
	print_three(bench, LOF_BENCH_READY, exits ? "Exited after" :
						    "Ready after", ";");
	print_three(bench, memory, exits ? "resident at most" :
					   "resident then", ".");
	if (bench->failed[LOF_BENCH_EAGER] || bench->failed[LOF_BENCH_ONFAULT])
		return;
	fputs("On fault instead of eager: ", stdout);
	print_difference(bench, memory, " less is resident",
			 " more is resident");
	fputs(exits ? ", exit " : ", ready ", stdout);
	print_difference(bench, LOF_BENCH_READY, " earlier.\n",
			 " later.\n");
}

int lof_bench_print(const struct lof_bench *bench)
{
	struct libscols_table *table = scols_new_table();
	int err = table ? 0 : -ENOMEM;

	if (!err)
		err = bench->json ? add_keys(table) : add_columns(table);
	if (!err)
		err = bench->json ? fill_json(bench, table) :
				    fill_table(bench, table);
	if (!err && !bench->json)
		print_title(bench);
	if (!err)
		err = scols_print_table(table);
	if (!err && !bench->json)
		print_gain(bench);
	scols_unref_table(table);
	return err;
}

/* SPDX-License-Identifier: MIT */
/*
 * The tables: one row per scenario and law, one per law over all scenarios, and a few sentences that
 * say whether the claims hold. One list of columns serves all formats. What is not known is "-", or
 * an empty cell where programs read it. Rows whose scenario nobody survived are marked: they are
 * about all runs, and no claim uses them.
 */
#include "tests/sim/result.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tests/sim/stats.h"

#define PERCENT 100.0

struct column {
	const char *top, *bottom; /* heading for people, in two lines */
	const char *name;	  /* for programs, in base units */
	int width, digits;
	double scale; /* for people */
	double (*get)(const struct stats_cell *cell);
};

static double get_runs(const struct stats_cell *cell)
{
	return (double)cell->runs;
}

static double get_survivable(const struct stats_cell *cell)
{
	return (double)cell->survivable;
}

static double get_swapped(const struct stats_cell *cell)
{
	return (double)cell->swapped;
}

static double get_swapped_median(const struct stats_cell *cell)
{
	return cell->swapped_median_mb;
}

static double get_swapped_mean(const struct stats_cell *cell)
{
	return cell->swapped_mean_mb;
}

static double get_swapped_max(const struct stats_cell *cell)
{
	return cell->swapped_max_mb;
}

static double get_good(const struct stats_cell *cell)
{
	return cell->good_median;
}

static double get_good_min(const struct stats_cell *cell)
{
	return cell->good_min;
}

static double get_refused(const struct stats_cell *cell)
{
	return cell->refused;
}

static double get_changes(const struct stats_cell *cell)
{
	return cell->changes_per_min;
}

static double get_big_changes(const struct stats_cell *cell)
{
	return cell->big_changes_per_min;
}

static double get_reversals(const struct stats_cell *cell)
{
	return (double)cell->reversals;
}

static double get_return(const struct stats_cell *cell)
{
	return cell->return_median_s;
}

static double get_returned(const struct stats_cell *cell)
{
	return cell->returns ? (double)cell->returned / (double)cell->returns : NAN;
}

static const struct column columns[] = {
	{"", "runs", "runs", 5, 0, 1, get_runs},
	{"surviv-", "able", "survivable", 7, 0, 1, get_survivable},
	{"swapped", "> 1 MB", "swapped", 7, 0, 1, get_swapped},
	{"MB,", "median", "swapped_median_mb", 7, 1, 1, get_swapped_median},
	{"MB,", "mean", "swapped_mean_mb", 7, 1, 1, get_swapped_mean},
	{"MB,", "most", "swapped_max_mb", 7, 1, 1, get_swapped_max},
	{"good %,", "median", "good_median", 7, 1, PERCENT, get_good},
	{"good %,", "least", "good_min", 7, 1, PERCENT, get_good_min},
	{"refused", "%", "refused", 7, 1, PERCENT, get_refused},
	{"changes", "/min", "changes_per_min", 7, 1, 1, get_changes},
	{"> 20", "/min", "big_changes_per_min", 5, 1, 1, get_big_changes},
	{"turns,", "most", "reversals", 6, 0, 1, get_reversals},
	{"return", "s", "return_median_s", 6, 0, 1, get_return},
	{"back", "%", "returned", 5, 0, PERCENT, get_returned},
	{NULL, NULL, NULL, 0, 0, 0, NULL},
};

/* An empty line of text ends a table in text and in Markdown. */
static void write_heading(FILE *out, enum report_format format, const char *first)
{
	switch (format) {
	case REPORT_TEXT:
		fprintf(out, "%-14s", "");
		for (const struct column *column = columns; column->name; column++)
			fprintf(out, " %*s", column->width, column->top);
		fprintf(out, "\n%-14s", first);
		for (const struct column *column = columns; column->name; column++)
			fprintf(out, " %*s", column->width, column->bottom);
		fputc('\n', out);
		return;
	case REPORT_MARKDOWN:
		fprintf(out, "| %s |", first);
		for (const struct column *column = columns; column->name; column++)
			fprintf(out, " %s%s%s |", column->top, column->top[0] ? " " : "",
				column->bottom);
		fprintf(out, "\n|---|%s", strchr(first, '|') ? "---|" : "");
		for (const struct column *column = columns; column->name; column++)
			fputs("---:|", out);
		fputc('\n', out);
		return;
	case REPORT_CSV:
		fputs("scenario,law,non_web,judged", out);
		for (const struct column *column = columns; column->name; column++)
			fprintf(out, ",%s", column->name);
		fputc('\n', out);
		return;
	}
}

static void write_value(FILE *out, enum report_format format, const struct column *column,
			const struct stats_cell *cell)
{
	double value = column->get(cell);
	char text[32];
	snprintf(text, sizeof(text), "%.*f", column->digits, value * column->scale);
	if (isnan(value))
		snprintf(text, sizeof(text), "-");
	switch (format) {
	case REPORT_TEXT:
		fprintf(out, " %*s", column->width, text);
		return;
	case REPORT_MARKDOWN:
		fprintf(out, " %s |", text);
		return;
	case REPORT_CSV:
		if (isnan(value))
			fputc(',', out);
		else
			fprintf(out, ",%.6g", value);
		return;
	}
}

/* scenario == scenario_count: over all. */
static void write_row(FILE *out, enum report_format format, const struct stats *stats,
		      size_t scenario, size_t law)
{
	const struct stats_cell *cell = stats_cell(stats, scenario, law);
	bool all = scenario == stats->scenario_count;
	char name[RESULT_NAME_SIZE + 2];

	if (cell->runs == 0)
		return;
	snprintf(name, sizeof(name), "%s%s", stats->laws[law], cell->judged ? "" : "*");
	switch (format) {
	case REPORT_TEXT:
		fprintf(out, "  %-12s", name);
		break;
	case REPORT_MARKDOWN:
		if (all)
			fprintf(out, "| %s |", name);
		else
			fprintf(out, "| %s | %s |", stats->scenarios[scenario], name);
		break;
	case REPORT_CSV:
		fprintf(out, "%s,%s,", all ? "" : stats->scenarios[scenario], stats->laws[law]);
		if (!all)
			fprintf(out, "%d", stats->non_web[scenario]);
		fprintf(out, ",%d", cell->judged);
		break;
	}
	for (const struct column *column = columns; column->name; column++)
		write_value(out, format, column, cell);
	fputc('\n', out);
}

static void write_tables(FILE *out, enum report_format format, const struct stats *stats)
{
	bool text = format == REPORT_TEXT;
	if (!text)
		write_heading(out, format, "scenario | law");
	for (size_t scenario = 0; scenario <= stats->scenario_count; scenario++) {
		bool all = scenario == stats->scenario_count;
		const char *name = all ? "all scenarios" : stats->scenarios[scenario];
		if (text) {
			write_heading(out, format, "");
			fprintf(out, "%s%s\n", name,
				!all && stats->non_web[scenario]
					? " (memory grows that is not the web's)"
					: "");
		} else if (all && format == REPORT_MARKDOWN) {
			fputc('\n', out);
			write_heading(out, format, "all scenarios");
		}
		for (size_t law = 0; law < stats->law_count; law++)
			write_row(out, format, stats, scenario, law);
		if (text)
			fputc('\n', out);
	}
}

/* What a sentence begins with: nothing, or a list item. */
static const char *bullet(enum report_format format)
{
	return format == REPORT_MARKDOWN ? "- " : "";
}

static void tell_law(FILE *out, enum report_format format, const struct stats *stats, size_t law)
{
	const struct stats_cell *cell = stats_cell(stats, stats->scenario_count, law);
	size_t worst = stats_worst(stats, law);
	double bound = stats_bound(cell->swapped, cell->counted);

	if (!cell->judged)
		return;
	fprintf(out,
		"%s%s: %zu of %zu survivable runs wrote more than 1 MB to swap: at most %.*f %% "
		"(95 %%)",
		bullet(format), stats->laws[law], cell->swapped, cell->counted, bound < 0.1 ? 2 : 0,
		PERCENT * bound);
	if (worst < stats->scenario_count)
		fprintf(out,
			"; good %.1f %% of the oracle's in the median, %.1f %% in %s, the worst",
			PERCENT * cell->good_median,
			PERCENT * stats_cell(stats, worst, law)->good_median,
			stats->scenarios[worst]);
	fputs(".\n", out);
}

/* Our medians against the static cap's, over the scenarios of one kind. */
static void tell_static(FILE *out, enum report_format format, const struct stats *stats,
			bool non_web)
{
	size_t ours = stats_law(stats, RESULT_OURS), fixed = stats_law(stats, RESULT_STATIC);
	size_t scenarios = 0, swaps = 0, ours_swaps = 0, least_at = 0;
	double least = INFINITY;

	for (size_t scenario = 0; scenario < stats->scenario_count; scenario++) {
		const struct stats_cell *a = stats_cell(stats, scenario, ours);
		const struct stats_cell *b = stats_cell(stats, scenario, fixed);
		if (stats->non_web[scenario] != non_web || !a->judged || !b->judged)
			continue;
		scenarios++;
		swaps += b->swapped > 0;
		ours_swaps += a->swapped > 0;
		/* Who swaps has no claim to the responses that this allowed. */
		double difference = a->good_median - b->good_median;
		if (b->swapped == 0 && difference < least) {
			least = difference;
			least_at = scenario;
		}
	}
	if (scenarios == 0)
		return;
	fprintf(out, "%sScenarios with%s memory growth that is not the web's: %zu", bullet(format),
		non_web ? "" : "out", scenarios);
	fprintf(out, "; %s swaps in %zu, %s in %zu", RESULT_STATIC, swaps, RESULT_OURS, ours_swaps);
	if (least < INFINITY)
		fprintf(out, "; where %s does not, %s gives %+.1f points of good at least (%s)",
			RESULT_STATIC, RESULT_OURS, PERCENT * least, stats->scenarios[least_at]);
	fputs(".\n", out);
}

static void tell_claims(FILE *out, enum report_format format, const struct stats *stats)
{
	size_t ours = stats_law(stats, RESULT_OURS);

	if (format == REPORT_MARKDOWN)
		fputc('\n', out);
	for (size_t law = 0; law < stats->law_count; law++)
		tell_law(out, format, stats, law);
	if (ours == stats->law_count)
		return;
	if (stats_law(stats, RESULT_STATIC) < stats->law_count) {
		tell_static(out, format, stats, true);
		tell_static(out, format, stats, false);
	}
	const struct stats_cell *cell = stats_cell(stats, stats->scenario_count, ours);
	fprintf(out,
		"%sThe weight of one Pi turned at most %" PRId64
		" times in a run (%s, seed %" PRIu64 ").\n",
		bullet(format), cell->reversals, cell->reversals_scenario, cell->reversals_seed);
}

static bool any_unjudged(const struct stats *stats)
{
	for (size_t scenario = 0; scenario < stats->scenario_count; scenario++)
		for (size_t law = 0; law < stats->law_count; law++) {
			const struct stats_cell *cell = stats_cell(stats, scenario, law);
			if (cell->runs && !cell->judged)
				return true;
		}
	return false;
}

int report_write(FILE *out, enum report_format format, const struct run_result *results,
		 size_t count)
{
	struct stats stats;
	int r = stats_make(results, count, &stats);
	if (r < 0)
		return r;
	if (format != REPORT_CSV && any_unjudged(&stats))
		fputs("* of all runs: not one of them is known to be survivable.\n\n", out);
	write_tables(out, format, &stats);
	if (format != REPORT_CSV)
		tell_claims(out, format, &stats);
	stats_clear(&stats);
	return fflush(out) == 0 && !ferror(out) ? 0 : -EIO;
}

void report_table(FILE *out, const struct run_result *results, size_t count)
{
	int r = report_write(out, REPORT_TEXT, results, count);
	if (r < 0)
		fprintf(stderr, "no table: %s\n", strerror(-r));
}

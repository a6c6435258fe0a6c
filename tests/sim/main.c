/* SPDX-License-Identifier: MIT */
/*
 * hostingpi-sim: the closed-loop model. Every pair of scenario and seed is one job: first the oracle,
 * which says whether the run can be survived at all, then the laws. Jobs share nothing, so they run in
 * threads; the table does not depend on how many.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/calibrate.h"
#include "tests/sim/csv.h"
#include "tests/sim/run.h"

#define LAWS_MAX 16
#define SCENARIOS_MAX 256
#define JOBS_MAX 64
/* All defaults, and not what this machine happens to have in /etc. */
#define NO_FILE "/nonexistent/hostingpi.conf"

struct options {
	const struct law *laws[LAWS_MAX];
	int law_count;
	const char *paths[SCENARIOS_MAX];
	int scenario_count;
	uint64_t first_seed, last_seed;
	const char *csv, *plots, *conf, *calibrate;
	enum report_format format;
	int jobs;
	bool verbose;
};

struct work {
	const struct options *options;
	const struct settings *settings;
	struct scenario *scenarios;
	struct run_result *results; /* law_count per job */
	size_t job_count;
	atomic_size_t next;
	atomic_int failed;
};

static void usage(FILE *out)
{
	fputs("usage: hostingpi-sim [options]\n"
	      "  --law NAME        repeat for more; default: all\n"
	      "  --scenario FILE   repeat for more; further arguments are scenarios, too\n"
	      "  --seeds A-B       default 1-10\n"
	      "  --conf FILE       configuration of the agent; default: its defaults\n"
	      "  --csv FILE        one line per run\n"
	      "  --format NAME     of the table: text, markdown, csv\n"
	      "  --plots DIR       SCENARIO-LAW.svg and .csv of the first seed, SCENARIO.svg of all\n"
	      "                    laws, overview.svg of all runs\n"
	      "  --jobs N          threads, default 1\n"
	      "  --calibrate DIR   the model's memory against recordings, then end\n"
	      "  --verbose         one line per run on standard error\n"
	      "laws:\n",
	      out);
	for (const struct law *law = laws; law->name; law++)
		fprintf(out, "  %-12s %s\n", law->name, law->help);
}

static void told(struct work *work, const char *path, int error)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", path, strerror(error));
	work->failed = 1;
}

/* A picture and a table of every law, and a picture of all together. */
static void write_plots(struct work *work, const struct series *const *series)
{
	const struct options *options = work->options;
	size_t count = (size_t)options->law_count;
	char path[4096];
	for (size_t i = 0; i < count; i++) {
		const struct series *one = series[i];
		snprintf(path, sizeof(path), "%s/%s-%s.svg", options->plots, one->scenario,
			 one->law);
		told(work, path, -plot_svg(path, one));
		memcpy(path + strlen(path) - 3, "csv", 3);
		told(work, path, csv_write_series(path, one) < 0 ? errno : 0);
	}
	snprintf(path, sizeof(path), "%s/%s.svg", options->plots, series[0]->scenario);
	told(work, path, -plot_laws_svg(path, series, count < PLOT_LAWS ? count : PLOT_LAWS));
}

static void tell_run(const struct run_result *result)
{
	fprintf(stderr,
		"%-24s %-11s seed %4llu %s swapped %8.1f MB good %6lld of %6lld refused %5lld "
		"room %5.0f MB reversals %lld\n",
		result->scenario, result->law, (unsigned long long)result->seed,
		result->survivable ? "ok  " : "lost", (double)result->swapped_bytes / MB,
		(long long)result->good, (long long)result->offered, (long long)result->refused,
		(double)result->pi[0].min_headroom_bytes / MB, (long long)result->reversals);
}

/* series: one per law, or NULL. */
static void run_laws(struct work *work, struct world *world, const struct run *run,
		     struct series **series, struct run_result *results)
{
	const struct law *judge = law_find(RESULT_ORACLE);
	struct run_result oracle;
	run_law(world, run, judge, NULL, &oracle);
	for (int i = 0; i < work->options->law_count; i++) {
		const struct law *law = work->options->laws[i];
		struct run_result *result = &results[i];
		if (law != judge || series)
			run_law(world, run, law, series ? series[i] : NULL, result);
		else
			*result = oracle;
		result->judged = true;
		result->survivable = oracle.swapped_bytes <= RESULT_SWAP_LIMIT_BYTES;
		result->oracle_good = oracle.good;
		if (work->options->verbose)
			tell_run(result);
	}
}

static void do_job(struct work *work, struct world *world, size_t job)
{
	const struct options *options = work->options;
	uint64_t seeds = options->last_seed - options->first_seed + 1;
	const struct run run = {
		.scenario = &work->scenarios[job / seeds],
		.settings = work->settings,
		.seed = options->first_seed + job % seeds,
	};
	struct run_result *results = &work->results[job * (size_t)options->law_count];
	if (!options->plots || run.seed != options->first_seed) {
		run_laws(work, world, &run, NULL, results);
		return;
	}
	struct series *series[LAWS_MAX] = {NULL};
	bool ready = true;
	for (int i = 0; i < options->law_count; i++) {
		series[i] = series_new(run.scenario);
		ready = ready && series[i];
	}
	run_laws(work, world, &run, ready ? series : NULL, results);
	if (ready)
		write_plots(work, (const struct series *const *)series);
	else
		work->failed = 1;
	for (int i = 0; i < options->law_count; i++)
		series_free(series[i]);
}

static void *run_jobs(void *context)
{
	struct work *work = context;
	struct world *world = malloc(sizeof(*world));
	if (!world) {
		work->failed = 1;
		return NULL;
	}
	for (size_t job; (job = work->next++) < work->job_count;)
		do_job(work, world, job);
	free(world);
	return NULL;
}

static int run_threads(struct work *work)
{
	pthread_t threads[JOBS_MAX];
	int count = 0;
	while (count < work->options->jobs &&
	       pthread_create(&threads[count], NULL, run_jobs, work) == 0)
		count++;
	if (count == 0)
		run_jobs(work);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return work->failed ? 1 : 0;
}

static void conf_error(void *context, const char *message)
{
	(void)context;
	fprintf(stderr, "%s\n", message);
}

static int write_overview(const struct options *options, const struct run_result *results,
			  size_t count)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/overview.svg", options->plots);
	int r = plot_overview_svg(path, results, count);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r;
}

static int run_all(const struct options *options)
{
	struct work work = {.options = options};
	struct settings *settings = NULL;
	int failed = settings_load(options->conf ? options->conf : NO_FILE, !options->conf,
				   conf_error, NULL, &settings) != 0;
	work.settings = settings;
	work.scenarios = calloc((size_t)options->scenario_count, sizeof(*work.scenarios));
	for (int i = 0; work.scenarios && i < options->scenario_count; i++)
		failed |= scenario_load(options->paths[i], &work.scenarios[i]) < 0;
	work.job_count = (size_t)options->scenario_count *
			 (size_t)(options->last_seed - options->first_seed + 1);
	size_t count = work.job_count * (size_t)options->law_count;
	work.results = calloc(count, sizeof(*work.results));
	if (failed || !work.scenarios || !work.results) {
		failed = 1;
	} else {
		failed = run_threads(&work);
		failed |= report_write(stdout, options->format, work.results, count) < 0;
		failed |= options->plots && write_overview(options, work.results, count) < 0;
		if (options->csv && csv_write(options->csv, work.results, count) < 0) {
			perror(options->csv);
			failed = 1;
		}
	}
	free(work.results);
	free(work.scenarios);
	settings_free(settings);
	return failed;
}

static bool parse_seeds(const char *text, struct options *options)
{
	char *end;
	options->first_seed = options->last_seed = strtoull(text, &end, 10);
	if (*end == '-')
		options->last_seed = strtoull(end + 1, &end, 10);
	return !*end && options->first_seed >= 1 && options->last_seed >= options->first_seed &&
	       options->last_seed - options->first_seed < 1000000;
}

static bool add_scenario(struct options *options, const char *path)
{
	if (options->scenario_count == SCENARIOS_MAX)
		return false;
	options->paths[options->scenario_count++] = path;
	return true;
}

static bool parse_format(const char *text, struct options *options)
{
	static const char *const names[] = {
		[REPORT_TEXT] = "text",
		[REPORT_MARKDOWN] = "markdown",
		[REPORT_CSV] = "csv",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		options->format = (enum report_format)i;
		if (strcmp(text, names[i]) == 0)
			return true;
	}
	return false;
}

static bool take(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'l':
		options->laws[options->law_count] = law_find(value);
		return options->law_count < LAWS_MAX - 1 && options->laws[options->law_count++];
	case 's':
		return add_scenario(options, value);
	case 'n':
		return parse_seeds(value, options);
	case 'o':
		options->conf = value;
		return true;
	case 'c':
		options->csv = value;
		return true;
	case 'p':
		options->plots = value;
		return true;
	case 'f':
		return parse_format(value, options);
	case 'j':
		options->jobs = atoi(value);
		return options->jobs >= 1 && options->jobs <= JOBS_MAX;
	case 'k':
		options->calibrate = value;
		return true;
	default:
		options->verbose = true;
		return true;
	}
}

static const struct option long_options[] = {
	{"law", required_argument, NULL, 'l'},
	{"scenario", required_argument, NULL, 's'},
	{"seeds", required_argument, NULL, 'n'},
	{"conf", required_argument, NULL, 'o'},
	{"csv", required_argument, NULL, 'c'},
	{"plots", required_argument, NULL, 'p'},
	{"format", required_argument, NULL, 'f'},
	{"jobs", required_argument, NULL, 'j'},
	{"calibrate", required_argument, NULL, 'k'},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
	struct options options = {.first_seed = 1, .last_seed = 10, .jobs = 1};
	for (int option; (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == '?')
			return 2;
		if (!take(&options, option, optarg)) {
			fprintf(stderr, "hostingpi-sim: not a valid value: %s\n", optarg);
			return 2;
		}
	}
	while (optind < argc)
		if (!add_scenario(&options, argv[optind++]))
			return 2;
	if (options.calibrate) {
		int differ = calibrate_run(options.calibrate);
		if (differ < 0)
			fprintf(stderr, "%s: %s\n", options.calibrate, strerror(-differ));
		return differ ? 1 : 0;
	}
	if (options.scenario_count == 0) {
		fputs("hostingpi-sim: no scenario is given (with make: none has T in its name); see "
		      "--help\n",
		      stderr);
		return 2;
	}
	if (options.plots && access(options.plots, W_OK | X_OK) < 0) {
		fprintf(stderr, "%s: %s; make the directory first\n", options.plots,
			strerror(errno));
		return 2;
	}
	if (options.law_count == 0)
		for (const struct law *law = laws; law->name; law++)
			options.laws[options.law_count++] = law;
	return run_all(&options);
}

/* SPDX-License-Identifier: MIT */
/* Unknown values and caps that do not exist are empty cells. */
#include "tests/sim/csv.h"

#include <inttypes.h>
#include <stdio.h>

static void write_row(FILE *file, const struct run_result *result)
{
	fprintf(file, "%s,%s,%" PRIu64 ",%d,", result->scenario, result->law, result->seed,
		result->pis);
	if (result->judged)
		fprintf(file, "%d,%" PRId64, result->survivable, result->oracle_good);
	else
		fputc(',', file);
	fprintf(file, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64,
		result->swapped_bytes, result->good, result->served, result->refused,
		result->offered);
	fprintf(file, ",%.3f,%.3f,%" PRId64 ",", result->changes_per_min,
		result->big_changes_per_min, result->reversals);
	if (result->return_known)
		fprintf(file, "%d,%.1f", result->returned, result->return_s);
	else
		fputc(',', file);
	fprintf(file, ",%d,%" PRId64 "\n", result->non_web, result->pi[0].min_headroom_bytes);
}

int csv_write(const char *path, const struct run_result *results, size_t count)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return -1;
	fputs("scenario,law,seed,pis,survivable,oracle_good,swapped_bytes,good,served,refused,"
	      "offered,changes_per_min,big_changes_per_min,reversals,returned,return_s,non_web,"
	      "pi1_min_headroom_bytes\n",
	      file);
	for (size_t i = 0; i < count; i++)
		write_row(file, &results[i]);
	return fclose(file) == 0 ? 0 : -1;
}

int csv_write_series(const char *path, const struct series *series)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return -1;
	fputs("t,offered,refused,queued", file);
	for (int k = 1; k <= series->pis; k++)
		fprintf(file,
			",state%d,weight%d,maxconn%d,busy%d,room_mb%d,web_mb%d,nonweb_mb%d,"
			"file_mb%d,swapped_mb%d,good%d",
			k, k, k, k, k, k, k, k, k, k);
	fputc('\n', file);
	for (size_t i = 0; i < series->count; i++) {
		const struct series_point *point = &series->points[i];
		fprintf(file, "%.0f,%.0f,%.0f,%.0f", point->t_s, (double)point->offered_per_s,
			(double)point->refused_per_s, (double)point->pi[0].queued);
		for (int k = 0; k < series->pis; k++) {
			const struct series_pi *pi = &point->pi[k];
			fprintf(file, ",%s,%.0f,", pi->state, (double)pi->weight_pct);
			if (pi->maxconn >= 0)
				fprintf(file, "%.0f", (double)pi->maxconn);
			fprintf(file, ",%.0f,%.1f,%.1f,%.1f,%.1f,%.1f,%" PRId64, (double)pi->busy,
				(double)pi->headroom_bytes / 1e6, (double)pi->web_bytes / 1e6,
				(double)pi->nonweb_bytes / 1e6, (double)pi->file_bytes / 1e6,
				(double)pi->swapped_bytes / 1e6, pi->good);
		}
		fputc('\n', file);
	}
	return fclose(file) == 0 ? 0 : -1;
}

/* SPDX-License-Identifier: MIT */
/* What the guard reads: the state file, and (first byte odd) /proc/PID/stat with its free choice of a name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/guard_state.c"
#include "agent/ctl/guard_tree.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_state(const char *text, size_t size)
{
	struct guard_view view;

	guard_state_parse(text, size, &view);
	check(strnlen(view.reason, sizeof(view.reason)) < sizeof(view.reason));
	check(strnlen(view.why, sizeof(view.why)) < sizeof(view.why));
	check((unsigned)view.state < CONTROL_STATES);
	check(view.source == GUARD_FRESH || view.source == GUARD_UNUSABLE ||
	      view.source == GUARD_DRY_RUN);
	check(view.interval_ms >= 0 && view.interval_ms <= INTERVAL_MOST_MS);
	check(llabs(view.headroom_bytes) <= 1000000000000000);
}

static void check_stat(const char *text)
{
	struct tree_row row;

	if (tree_parse_stat(text, &row) == 0)
		check(row.process.pid > 0 && row.parent >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	/* The state is not ended by NUL, so that reading behind it is found. */
	text = malloc(size);
	check(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] & 1) {
		check_stat(text);
	} else {
		char *exact = malloc(size - 1 + (size == 1));

		check(exact != NULL);
		memcpy(exact, text, size - 1);
		check_state(exact, size - 1);
		free(exact);
	}
	free(text);
	return 0;
}

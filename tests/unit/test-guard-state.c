/* SPDX-License-Identifier: MIT */
/* The guard's view of the state file: what it says, how old it is, and what may stand in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The program's own file: it is in no library. */
#include "agent/ctl/guard_state.c"

#define WALL_MS INT64_C(1700000000000)
#define GOOD "{\"state\":\"normal\",\"reason\":\"all fits\",\"headroom_bytes\":5000}"

struct place {
	char folder[64], path[80], other[80];
	struct guard_state file;
	struct guard_view view;
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->folder, "/tmp/guard-state-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/state", place->folder);
	snprintf(place->other, sizeof(place->other), "%s/other", place->folder);
	guard_state_init(&place->file, place->path);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->path);
	unlink(place->other);
	rmdir(place->folder);
	free(place);
	return 0;
}

static void put_time(const char *path, int64_t wall_ms)
{
	struct timespec times[2] = {{.tv_sec = wall_ms / 1000}, {.tv_sec = wall_ms / 1000}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void put(const char *path, const char *text, int64_t wall_ms)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	put_time(path, wall_ms);
}

static enum guard_source look(struct place *place, int64_t now_ms, int64_t wall_ms)
{
	guard_state_look(&place->file, now_ms, wall_ms, &place->view);
	return place->view.source;
}

static void test_all_members(void **state)
{
	struct place *place = *state;

	put(place->path,
	    "{\"ts\": 1700000000000,\"headroom_bytes\":       -42,\"time_to_swap_s\":    12.500,"
	    "\"id\":\"pi\",\"pid\":7,\"interval_ms\":2000,\"dry_run\":false,\"weight\":40,"
	    "\"state\":\"shed\",\"reason\":\"memory\"}\n",
	    WALL_MS);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_FRESH);
	assert_int_equal(place->view.state, CONTROL_SHED);
	assert_string_equal(place->view.reason, "memory");
	assert_true(place->view.headroom_known && place->view.time_to_swap_known);
	assert_int_equal(place->view.headroom_bytes, -42);
	assert_int_equal(place->view.time_to_swap_ms, 12500);
	assert_int_equal(place->view.interval_ms, 2000);
}

static void test_members_that_are_missing(void **state)
{
	struct guard_view view;

	(void)state;
	for (int word = 0; word < CONTROL_STATES; word++) {
		char text[64];

		snprintf(text, sizeof(text), "{\"state\":\"%s\",\"headroom_bytes\":null}",
			 control_state_words[word]);
		guard_state_parse(text, strlen(text), &view);
		assert_int_equal(view.source, GUARD_FRESH);
		assert_int_equal(view.state, word);
		assert_false(view.headroom_known || view.time_to_swap_known);
		assert_string_equal(view.reason, "");
	}
}

static void test_what_is_no_state(void **state)
{
	static const char *const texts[] = {
		"",
		"x",
		"null",
		"5",
		"\"state\"",
		"[]",
		"{}",
		"{\"state\":5}",
		"{\"state\":null}",
		"{\"state\":\"\"}",
		"{\"state\":\"Shed\"}",
		"{\"State\":\"shed\"}",
		"{\"state\":\"normal\"",
		"{\"state\":\"a word of a later version\"}",
		"[{\"state\":\"normal\"}]",
		"{\"decision\":{\"state\":\"normal\"}}",
	};
	struct guard_view view;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		guard_state_parse(texts[i], strlen(texts[i]), &view);
		assert_int_equal(view.source, GUARD_UNUSABLE);
	}
}

static void test_numbers_that_are_none(void **state)
{
	static const char *const numbers[] = {"1e400", "-1e400", "1e300", "-1e300",
					      "\"5\"", "{}",	 "true",  "1e18"};
	struct guard_view view;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"state\":\"normal\",\"headroom_bytes\":%s,\"time_to_swap_s\":%s,"
			 "\"interval_ms\":%s}",
			 numbers[i], numbers[i], numbers[i]);
		guard_state_parse(text, strlen(text), &view);
		assert_int_equal(view.source, GUARD_FRESH);
		assert_in_range(view.interval_ms, 0, INTERVAL_MOST_MS);
		assert_true(llabs(view.headroom_bytes) <= 1000000000000000);
	}
}

static void test_a_long_reason_is_cut(void **state)
{
	char text[4096], reason[3000];
	struct guard_view view;

	(void)state;
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"state\":\"shed\",\"reason\":\"%s\"}", reason);
	guard_state_parse(text, strlen(text), &view);
	assert_int_equal(view.source, GUARD_FRESH);
	assert_int_equal(strlen(view.reason), sizeof(view.reason) - 1);
}

static void test_dry_run(void **state)
{
	static const char text[] = "{\"state\":\"hard\",\"dry_run\":true}";
	struct guard_view view;

	(void)state;
	guard_state_parse(text, strlen(text), &view);
	assert_int_equal(view.source, GUARD_DRY_RUN);
}

static void test_age(void **state)
{
	struct place *place = *state;

	assert_int_equal(look(place, 0, WALL_MS), GUARD_MISSING);
	assert_non_null(strstr(place->view.why, place->path));
	put(place->path, GOOD, WALL_MS);
	assert_int_equal(look(place, 1000, WALL_MS + 5000), GUARD_FRESH);
	assert_int_equal(look(place, 1000 + STALE_MS - 5000, WALL_MS), GUARD_FRESH);
	assert_int_equal(look(place, 1000 + STALE_MS - 4999, WALL_MS), GUARD_STALE);
	/* What was written last is still known, and does not count. */
	put_time(place->path, WALL_MS + 20000);
	assert_int_equal(look(place, 30000, WALL_MS + 20000), GUARD_FRESH);
}

static void test_a_clock_that_jumps(void **state)
{
	struct place *place = *state;

	put(place->path, GOOD, WALL_MS);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_FRESH);
	/* Ten years, either way: the agent has renewed the file a second ago. */
	for (int way = -1; way <= 1; way += 2) {
		int64_t jump = way * INT64_C(315360000000);

		assert_int_equal(look(place, 1000, WALL_MS + jump), GUARD_FRESH);
		put_time(place->path, WALL_MS + jump + 1000);
		assert_int_equal(look(place, 2000, WALL_MS + jump + 2000), GUARD_FRESH);
		put_time(place->path, WALL_MS);
		assert_int_equal(look(place, 0, WALL_MS), GUARD_FRESH);
	}
}

/* Seconds since 1970 have more than 31 bits from 2038-01-19 on. */
static void test_after_2038(void **state)
{
	static const int64_t then_ms = INT64_C(2240000000) * 1000;
	struct place *place = *state;

	put(place->path, GOOD, then_ms);
	assert_int_equal(look(place, 0, then_ms), GUARD_FRESH);
	guard_state_init(&place->file, place->path);
	assert_int_equal(look(place, 0, then_ms + STALE_MS + 1000), GUARD_STALE);
}

static void test_a_slow_agent(void **state)
{
	struct place *place = *state;

	put(place->path, "{\"state\":\"normal\",\"interval_ms\":60000}", WALL_MS);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_FRESH);
	assert_int_equal(look(place, 180000, WALL_MS), GUARD_FRESH);
	assert_int_equal(look(place, 180001, WALL_MS), GUARD_STALE);
}

static void test_times_that_cannot_be(void **state)
{
	struct place *place = *state;
	static const int64_t seconds[] = {INT64_MIN / 1000, -1, 0, INT64_MAX / 1000};

	put(place->path, GOOD, WALL_MS);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		guard_state_init(&place->file, place->path);
		put_time(place->path, seconds[i]);
		look(place, 0, INT64_MAX);
		look(place, 5, INT64_MIN);
	}
}

static void test_what_is_no_file(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_UNUSABLE);
	assert_non_null(strstr(place->view.why, "regular"));
	unlink(place->path);

	assert_int_equal(mkdir(place->path, 0700), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_UNUSABLE);
	rmdir(place->path);

	assert_int_equal(symlink("/dev/zero", place->path), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_UNUSABLE);
	unlink(place->path);

	assert_int_equal(symlink("state", place->path), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_UNUSABLE);
	unlink(place->path);

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, place->path, strlen(place->path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_UNUSABLE);
	close(fd);
	unlink(place->path);

	assert_int_equal(symlink("nowhere", place->path), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_MISSING);
	unlink(place->path);

	/* A link to a file is as good as the file. */
	put(place->other, GOOD, WALL_MS);
	assert_int_equal(symlink("other", place->path), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_FRESH);
}

static void test_a_file_that_is_too_large(void **state)
{
	struct place *place = *state;

	for (int more = 0; more <= 1; more++) {
		FILE *file = fopen(place->path, "w");

		assert_non_null(file);
		fprintf(file, "%s%*s", GOOD, (int)(FILE_SIZE - strlen(GOOD)) + more, "");
		assert_int_equal(fclose(file), 0);
		assert_int_equal(look(place, 0, WALL_MS), more ? GUARD_UNUSABLE : GUARD_FRESH);
	}
	/* Sparse, and larger than memory. */
	assert_int_equal(truncate(place->path, INT64_C(1) << 42), 0);
	assert_int_equal(look(place, 0, WALL_MS), GUARD_UNUSABLE);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		IN_PLACE(test_all_members),
		cmocka_unit_test(test_members_that_are_missing),
		cmocka_unit_test(test_what_is_no_state),
		cmocka_unit_test(test_numbers_that_are_none),
		cmocka_unit_test(test_a_long_reason_is_cut),
		cmocka_unit_test(test_dry_run),
		IN_PLACE(test_age),
		IN_PLACE(test_a_clock_that_jumps),
		IN_PLACE(test_after_2038),
		IN_PLACE(test_a_slow_agent),
		IN_PLACE(test_times_that_cannot_be),
		IN_PLACE(test_what_is_no_file),
		IN_PLACE(test_a_file_that_is_too_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

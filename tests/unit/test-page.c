/* SPDX-License-Identifier: MIT */
/*
 * The status page: well formed whatever strangers call themselves, complete, bounded, and under a policy
 * that knows its one style sheet and its one script.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "markup.h"
#include "page-world.h"

#include "notifiers/page.h"
#include "notifiers/page_parts.h"

/* What a phone and a Pi like: the aim for a page with everything on it. */
#define PAGE_GOOD 61440

static char page[PAGE_SIZE_MOST + 1];

static size_t write_page(struct world *world)
{
	int length = page_write(&world->overview, &world->about, page, PAGE_SIZE_MOST);

	assert_true(length > 0);
	page[length] = '\0';
	assert_int_equal(strlen(page), length);
	return (size_t)length;
}

static size_t count_of(const char *needle)
{
	size_t count = 0;

	for (const char *at = page; (at = strstr(at, needle)) != NULL; at++)
		count++;
	return count;
}

static void test_scenes(void **state)
{
	(void)state;
	for (enum world_scene scene = 0; scene < WORLD_SCENES; scene++) {
		struct world *world = world_new(scene);

		size_t length = write_page(world);
		assert_true(markup_check(page) > 200);
		if (scene != WORLD_HOSTILE)
			assert_true(length <= PAGE_GOOD);
		/* One of each, whatever strangers say: nothing is loaded and nothing else runs. */
		assert_int_equal(count_of("<script"), 1);
		assert_int_equal(count_of("<style>"), 1);
		assert_int_equal(count_of("<link"), 1);
		assert_int_equal(count_of("<img"), 0);
		assert_int_equal(count_of("url("), 0);
		assert_int_equal(count_of("@import"), 0);
		assert_int_equal(count_of("href=\"http"), 0);
		assert_int_equal(count_of("href=\"//"), 0);
		world_free(world);
	}
}

/* Everything that is read, or why not. */
static void test_complete(void **state)
{
	char needle[128];

	(void)state;
	for (enum world_scene scene = WORLD_CALM; scene <= WORLD_UNKNOWN; scene++) {
		struct world *world = world_new(scene);

		write_page(world);
		for (size_t i = 0; i < world->module_count; i++)
			for (unsigned j = 0; j < world->modules[i].count; j++) {
				const struct metric *metric = &world->modules[i].metrics[j];
				const char *name = metric->name ? metric->name : metric->rate_name;
				if (!name)
					continue;
				snprintf(needle, sizeof(needle), "title=\"%s.%s\"", metric->group,
					 name);
				if (!strstr(page, needle))
					fail_msg("%s is missing", needle);
			}
		world_free(world);
	}
}

static void test_says(void **state)
{
	struct world *world = world_new(WORLD_SHED);

	(void)state;
	write_page(world);
	assert_non_null(strstr(page, "<title>Shedding 45\u00a0% \u2013 attic-3</title>"));
	assert_non_null(strstr(page, "<strong>memory low</strong>"));
	assert_non_null(strstr(
		page, "below the reserve of 128\u00a0MiB; swap in 1\u00a0min\u00a014\u00a0s"));
	assert_non_null(strstr(page, "the reserve is 128\u00a0MiB"));
	assert_non_null(strstr(page, "<time datetime=\"2026-02-15T13:59:37Z\">"));
	assert_non_null(strstr(page, "Prometheus/2.42.0"));
	assert_non_null(strstr(page, "weight 45\u00a0%, cap 8"));
	assert_null(strstr(page, "dry run"));

	world->about.dry_run = true;
	write_page(world);
	assert_non_null(strstr(page, "dry run"));
	assert_null(strstr(page, "weight 45\u00a0%, cap 8"));
	world_free(world);
}

/* The number behind a mark, up to the end of its element. */
static char *number_after(const char *mark, char number[static 64])
{
	const char *at = strstr(page, mark);

	assert_non_null(at);
	at = strstr(at, "<b>");
	assert_non_null(at);
	snprintf(number, 64, "%.*s", (int)strcspn(at + 3, "<"), at + 3);
	return number;
}

static void test_headroom_is_one_number(void **state)
{
	char figure[64], plot[64];

	(void)state;
	for (int scene = 0; scene < WORLD_HOSTILE; scene++) {
		if (scene == WORLD_UNKNOWN)
			continue;
		struct world *world = world_new((enum world_scene)scene);

		write_page(world);
		assert_string_equal(number_after("<dt>Headroom", figure),
				    number_after("id=\"d-hour0\"", plot));
		assert_non_null(strstr(figure, "MiB"));
		world_free(world);
	}
}

/* Minutes until swap are said where something is wrong, seconds always. */
static void test_when_swap_is_near(void **state)
{
	static const struct {
		enum world_scene scene;
		int64_t ms;
		bool said;
	} rows[] = {
		{WORLD_CALM, 540000, false}, {WORLD_CALM, 60000, false}, {WORLD_CALM, 59000, true},
		{WORLD_SHED, 540000, true},  {WORLD_SHED, 59000, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world *world = world_new(rows[i].scene);

		world->decision.time_to_swap_known = true;
		world->decision.time_to_swap_ms = rows[i].ms;
		write_page(world);
		assert_int_equal(strstr(page, "; swap in ") != NULL, rows[i].said);
		world_free(world);
	}
}

/* What the figures say at the edges of what they are about. */
static void test_figures_at_the_edges(void **state)
{
	static const char bad[] = "<div class=\"bad\"><dt>Headroom";
	struct world *world = world_new(WORLD_SHED);

	(void)state;
	world->decision.balancers = 1;
	write_page(world);
	assert_non_null(strstr(page, bad));
	assert_non_null(strstr(page, "<small>requests at once</small>"));
	world_set(world, "swap", "kind", SWAP_NONE, NULL);
	write_page(world);
	assert_non_null(strstr(page, "; used up in 1\u00a0min\u00a014\u00a0s"));
	world->decision.time_to_swap_known = false;
	write_page(world);
	assert_null(strstr(page, "; used up in "));
	/* As much as the reserve is not below it. */
	world_set(world, "mem", "headroom_bytes", 128 * MIB, NULL);
	write_page(world);
	assert_null(strstr(page, bad));
	world_set(world, "mem", "headroom_bytes", 128 * MIB - 1, NULL);
	write_page(world);
	assert_non_null(strstr(page, bad));
	world->decision.headroom_known = false;
	write_page(world);
	assert_null(strstr(page, bad));
	world_free(world);
}

/* Unknown is a word with a reason, never a number and never nothing. */
static void test_unknown(void **state)
{
	struct world *world = world_new(WORLD_UNKNOWN);

	(void)state;
	write_page(world);
	assert_non_null(
		strstr(page, "no right to open /dev/vcio: add the user to the group video"));
	assert_non_null(strstr(page, "Nothing was known in this time."));
	assert_non_null(strstr(page, "None asked lately."));
	assert_non_null(strstr(page, "Nothing since the agent started."));
	assert_non_null(strstr(page, "<dt>Board</dt><dd>unknown</dd>"));
	assert_null(strstr(page, "<b>0"));

	/* Before the first decision there is none to show. */
	world->decision = (struct decision){0};
	write_page(world);
	markup_check(page);
	assert_non_null(strstr(page, ">Starting</h2>"));
	assert_null(strstr(page, "1970"));
	world_free(world);
}

/* A reason of three lines has no place in a figure, but in the readings. */
static void test_long_reason(void **state)
{
	static const char reason[] =
		"no hwmon chip (cpu_thermal, coretemp, ...) and no thermal zone "
		"of a processor; [temperature] sensor can name a chip";
	struct world *world = world_new(WORLD_CALM);
	static struct batch batch;

	(void)state;
	for (size_t i = 0; i < world->module_count; i++)
		for (unsigned j = 0; j < world->modules[i].count; j++) {
			const char *name = world->modules[i].metrics[j].name;
			if (!name || strcmp(name, "temp_c") != 0)
				continue;
			batch_reset(&batch);
			batch_unknown(&batch, j, reason);
			state_update(world->state, world->modules[i].source, &batch, world->now_ns);
		}
	write_page(world);
	assert_non_null(strstr(page, "<dt>Temperature</dt><dd><b>unknown</b>"
				     "<small>the readings below say why</small>"));
	assert_int_equal(count_of(reason), 1);
	assert_int_equal(count_of("Now <b>unknown</b>"), 2); /* in an hour and in a day */
	world_free(world);
}

/* Curves that use every pixel both ways, which take the most bytes. */
static void test_worst(void **state)
{
	struct world *world = world_new(WORLD_HOSTILE);
	static struct batch batch;
	int64_t start_ns = world->now_ns;

	(void)state;
	for (int64_t i = 1; i <= 1800; i++) {
		/* Minutes of a day, then steps of an hour. */
		world->now_ns = start_ns + (i < 1440 ? i * 60 : 86400 + (i - 1440) * 10) * NS_PER_S;
		for (size_t j = 0; j < world->module_count; j++) {
			struct world_module *module = &world->modules[j];
			batch_reset(&batch);
			for (unsigned k = 0; k < module->count; k++)
				if (module->metrics[k].unit == UNIT_TEXT)
					batch_text(&batch, k, world_evil(world, STATE_TEXT_SIZE));
				else if (module->metrics[k].unit == UNIT_WORD)
					batch_value(&batch, k, 0);
				else
					batch_value(&batch, k,
						    i * 4000000 + world_noise(world, 1 << 22));
			state_update(world->state, module->source, &batch, world->now_ns);
		}
		history_take(world->history, world->state, world->now_ns);
	}
	size_t length = write_page(world);
	markup_check(page);
	print_message("[          ] at its worst %zu bytes of %d\n", length, PAGE_SIZE_MOST);
	assert_non_null(strstr(page, "are not shown here"));
	assert_non_null(strstr(page, "more, with long names, are not shown here"));
	world_free(world);
}

/* Less room than it needs is told, and nothing behind the room is touched. */
static void test_bound(void **state)
{
	struct world *world = world_new(WORLD_CALM);
	size_t length = write_page(world);
	char *copy = malloc(length);

	(void)state;
	memcpy(copy, page, length);
	assert_int_equal(page_write(&world->overview, &world->about, page, length), length);
	assert_memory_equal(page, copy, length);
	for (size_t size = 0; size < length; size += size < 64 ? 1 : 997) {
		char *tight = malloc(size + 1); /* of the size that a sanitizer sees */
		tight[size] = 'x';
		assert_int_equal(page_write(&world->overview, &world->about, tight, size), -28);
		assert_int_equal(tight[size], 'x');
		free(tight);
	}
	free(copy);
	world_free(world);
}

static void check_hash(const char *what, const char *text, const char *expected)
{
	unsigned char digest[32], base64[64];
	char said[128];

	assert_int_equal(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL), 1);
	EVP_EncodeBlock(base64, digest, sizeof(digest));
	snprintf(said, sizeof(said), "sha256-%s", (const char *)base64);
	if (strcmp(said, expected) != 0)
		fail_msg("#define %s \"%s\"", what, said);
	assert_non_null(strstr(PAGE_POLICY, said));
}

static void test_policy(void **state)
{
	(void)state;
	check_hash("PAGE_STYLE_HASH", page_style, PAGE_STYLE_HASH);
	check_hash("PAGE_SCRIPT_HASH", page_script, PAGE_SCRIPT_HASH);
	/* What is between the tags is what was hashed: nothing in it ends the element. */
	assert_null(strstr(page_style, "</"));
	assert_null(strstr(page_script, "</"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenes),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_says),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_long_reason),
		cmocka_unit_test(test_worst),
		cmocka_unit_test(test_headroom_is_one_number),
		cmocka_unit_test(test_when_swap_is_near),
		cmocka_unit_test(test_figures_at_the_edges),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_policy),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

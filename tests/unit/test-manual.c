/* SPDX-License-Identifier: MIT */
/*
 * The manual and the code name the same things: every section and key with its default stands in
 * hostingpi.conf(5), every published reading in hostingpid(8), and the pages name no key more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/derived.h"
#include "agent/settings.h"

#include "collectors/collectors.c"
#include "notifiers/notifiers.c"

/* 64 KiB: the pages are below 16. */
static char page[65536];

static void load(const char *path)
{
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t length = fread(page, 1, sizeof(page) - 1, file);
	assert_true(length > 1000 && length < sizeof(page) - 1);
	page[length] = '\0';
	fclose(file);
}

/* The text of ".Ss [name]" up to the next section. */
static char *section_text(const char *name)
{
	char heading[64];
	snprintf(heading, sizeof(heading), "\n.Ss [%s]\n", name);
	char *start = strstr(page, heading);
	if (!start) {
		print_error("hostingpi.conf(5) has no section [%s]\n", name);
		fail();
	}
	start += strlen(heading);
	char *end = strstr(start, "\n.Ss ");
	char *last = strstr(start, "\n.Sh ");
	if (!end || (last && last < end))
		end = last;
	assert_non_null(end);
	return strndup(start, (size_t)(end - start));
}

static bool names_key(const char *text, const char *key)
{
	size_t length = strlen(key);
	for (const char *at = text; (at = strstr(at, key)); at += length)
		if (at > text && strchr(" ", at[-1]) && strchr(" \n", at[length]))
			return true;
	return false;
}

static void check_items(const char *section, const struct conf_item *items)
{
	char *text = section_text(section);
	for (; items->key; items++) {
		char line[128];
		if (!names_key(text, items->key)) {
			print_error("hostingpi.conf(5) does not name [%s] %s\n", section,
				    items->key);
			fail();
		}
		if (!items->fallback[0])
			continue;
		snprintf(line, sizeof(line), "Default: %s", items->fallback);
		if (!strstr(text, line)) {
			print_error("[%s] %s: no \"%s\" in hostingpi.conf(5)\n", section,
				    items->key, line);
			fail();
		}
	}
	free(text);
}

static size_t count_items(const struct conf_item *items)
{
	size_t count = 0;
	while (items && items[count].key)
		count++;
	return count;
}

static size_t count_ic_rows(void)
{
	size_t count = 0;
	for (const char *at = page; (at = strstr(at, "\n.It Ic ")); at++) {
		count++;
		for (const char *comma = at + 1; *comma != '\n' && *comma; comma++)
			count += *comma == ',';
	}
	return count;
}

static void test_keys(void **context)
{
	(void)context;
	size_t keys = 0;
	load("man/hostingpi.conf.5");
	for (size_t i = 0; settings_core_sections[i].name; i++) {
		check_items(settings_core_sections[i].name, settings_core_sections[i].items);
		keys += count_items(settings_core_sections[i].items);
	}
	for (size_t i = 0; collectors[i]; i++) {
		keys += count_items(collectors[i]->module.conf);
		if (collectors[i]->module.conf)
			check_items(collectors[i]->module.name, collectors[i]->module.conf);
	}
	for (size_t i = 0; notifiers[i]; i++) {
		keys += count_items(notifiers[i]->module.conf);
		if (notifiers[i]->module.conf)
			check_items(notifiers[i]->module.name, notifiers[i]->module.conf);
		for (const struct conf_section *more = notifiers[i]->module.more;
		     more && more->name; more++) {
			check_items(more->name, more->items);
			keys += count_items(more->items);
		}
	}
	assert_int_equal(count_ic_rows(), keys);
}

static void check_metric(const struct metric *metric, const char *name)
{
	char heading[64];
	if (!name)
		return;
	snprintf(heading, sizeof(heading), "\n.It Cm %s\n", metric->group);
	const char *start = strstr(page, heading);
	assert_non_null(start);
	const char *end = strstr(start + 1, "\n.");
	const char *found = strstr(start, name);
	if (!end || !found || found > end) {
		print_error("hostingpid(8) does not name %s.%s\n", metric->group, name);
		fail();
	}
	assert_true(metric->help && metric->help[0]);
}

static void check_metrics(const struct metric *metrics, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_metric(&metrics[i], metrics[i].name);
		check_metric(&metrics[i], metrics[i].rate_name);
	}
}

static void test_readings(void **context)
{
	(void)context;
	load("man/hostingpid.8");
	check_metrics(derived_metrics, DERIVED_COUNT);
	for (size_t i = 0; collectors[i]; i++)
		check_metrics(collectors[i]->module.metrics, collectors[i]->module.metric_count);
	for (size_t i = 0; notifiers[i]; i++)
		check_metrics(notifiers[i]->module.metrics, notifiers[i]->module.metric_count);
}

/* A batch must hold everything that one module can hand in. */
static void test_batches_fit(void **context)
{
	(void)context;
	assert_true(DERIVED_COUNT <= BATCH_SAMPLES);
	for (size_t i = 0; collectors[i]; i++)
		assert_true(collectors[i]->module.metric_count <= BATCH_SAMPLES);
	for (size_t i = 0; notifiers[i]; i++)
		assert_true(notifiers[i]->module.metric_count <= BATCH_SAMPLES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_batches_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

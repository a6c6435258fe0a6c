/* SPDX-License-Identifier: MIT */
/* What `hostingpictl limits` computes from a status document, and when it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdlib.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/client.c"
#include "agent/ctl/command.c"
#include "agent/ctl/document.c"
#include "agent/ctl/limits.c"
#include "agent/ctl/text.c"

#define MIB (INT64_C(1) << 20)
#define ONE_PROCESS (-2) /* the worker of a server that has none */

struct pi {
	const char *state;
	int64_t headroom, held, reserve, worker; /* bytes; negative: not known */
	int need;
};

static cJSON *document_of(const struct pi *pi)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *state = cJSON_AddObjectToObject(document, "state");
	cJSON *web = cJSON_AddObjectToObject(state, "web");
	cJSON *mem = cJSON_AddObjectToObject(state, "mem");
	cJSON *unknown = cJSON_AddObjectToObject(state, "unknown");
	cJSON *decision = cJSON_AddObjectToObject(document, "decision");

	cJSON_AddStringToObject(decision, "state", pi->state);
	cJSON_AddNumberToObject(decision, "need", pi->need);
	cJSON_AddNumberToObject(mem, "headroom_bytes", (double)pi->headroom);
	cJSON_AddNumberToObject(mem, "reserve_bytes", (double)pi->reserve);
	cJSON_AddStringToObject(web, "servers", "nginx 2 x 2.1 MB, php-fpm8.2 9 x 14.2 MB");
	if (pi->held >= 0)
		cJSON_AddNumberToObject(web, "memory_bytes", (double)pi->held);
	if (pi->worker >= 0)
		cJSON_AddNumberToObject(web, "worker_bytes", (double)pi->worker);
	else
		cJSON_AddStringToObject(unknown, "web.worker_bytes",
					pi->worker == ONE_PROCESS
						? "one process serves many requests"
						: "no process of a web server");
	return document;
}

static int compute(const struct pi *pi, struct limits *ret_limits, char *ret_error)
{
	cJSON *document = document_of(pi);
	int error = limits_compute(document, ret_limits, ret_error, LIMITS_ERROR_SIZE);

	ret_limits->servers = NULL;
	cJSON_Delete(document);
	return error;
}

static void test_the_formula(void **state)
{
	static const struct {
		struct pi pi;
		int64_t exact, workers;
	} cases[] = {
		{{"normal", 500 * MIB, 100 * MIB, 200 * MIB, 20 * MIB, 5}, 20, 20},
		{{"normal", 500 * MIB, 0, 200 * MIB, 24 * MIB, 5}, 12, 12},
		/* what the workers hold already counts like what they may still take */
		{{"normal", 200 * MIB, 300 * MIB, 200 * MIB, 24 * MIB, 5}, 12, 12},
		{{"hold", 500 * MIB, 0, 200 * MIB, 301 * MIB / 2, 5}, 1, 1},
		{{"normal", 3000 * MIB, 87 * MIB, 200 * MIB, 20 * MIB, 5}, 144, 140},
		{{"normal", 8000 * MIB, 0, 200 * MIB, 5 * MIB, 5}, 1560, 1500},
		/* smaller than any worker is */
		{{"normal", 200 * MIB, 0, 100 * MIB, MIB, 5}, 25, 25},
	};
	struct limits limits;
	char error[LIMITS_ERROR_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(compute(&cases[i].pi, &limits, error), 0);
		assert_int_equal(limits.exact, cases[i].exact);
		assert_int_equal(limits.workers, cases[i].workers);
		assert_int_equal(limits.need, 5);
	}
}

/* Never more than fits, never more than a tenth less, and larger workers never get more places. */
static void test_properties(void **state)
{
	unsigned seed = 20261121;
	char error[LIMITS_ERROR_SIZE];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct pi pi = {.state = "normal",
				.headroom = rand_r(&seed) % 8000 * MIB,
				.held = rand_r(&seed) % 4000 * MIB,
				.reserve = rand_r(&seed) % 2000 * MIB,
				.worker = 4 * MIB + rand_r(&seed) % 100 * MIB};
		struct limits limits = {0}, larger;
		int64_t room = pi.headroom + pi.held - pi.reserve;

		if (compute(&pi, &limits, error) < 0) {
			assert_true(room < pi.worker);
			continue;
		}
		assert_true(limits.workers >= 1);
		assert_true(limits.workers * pi.worker <= room);
		assert_true((limits.workers + limits.workers / 10 + 1) * pi.worker > room);
		pi.worker += MIB;
		if (compute(&pi, &larger, error) == 0)
			assert_true(larger.workers <= limits.workers);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		struct pi pi;
		const char *words;
	} cases[] = {
		{{"normal", 500 * MIB, 100 * MIB, 200 * MIB, -1, 5}, "no process of a web server"},
		{{"normal", 500 * MIB, 100 * MIB, 200 * MIB, ONE_PROCESS, 5},
		 "maxconn for a balancer is the cap that"},
		{{"normal", 500 * MIB, -1, 200 * MIB, 20 * MIB, 5},
		 "web.memory_bytes is not known"},
		{{"shed", 500 * MIB, 100 * MIB, 200 * MIB, 20 * MIB, 5}, "says 'shed'"},
		{{"hard", 500 * MIB, 100 * MIB, 200 * MIB, 20 * MIB, 5}, "says 'hard'"},
		{{"blind", 500 * MIB, 100 * MIB, 200 * MIB, 20 * MIB, 5}, "says 'blind'"},
		{{"normal", 100 * MIB, 10 * MIB, 200 * MIB, 20 * MIB, 5},
		 "no worker of 20 MB fits"},
		{{"normal", -100 * MIB, 0, 0, 20 * MIB, 5}, "no worker of 20 MB fits"},
	};
	struct limits limits = {.workers = 77};
	char error[LIMITS_ERROR_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(compute(&cases[i].pi, &limits, error), -EAGAIN);
		if (strstr(error, cases[i].words) == NULL)
			fail_msg("%s", error);
		assert_int_equal(limits.workers, 77); /* untouched */
	}
}

/* The document may be anything. */
static void test_broken_documents(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"decision\":7}",
		"{\"decision\":{\"state\":\"normal\"}}",
		"{\"decision\":{\"state\":\"normal\"},\"state\":{\"web\":{\"worker_bytes\":1e300}}}",
		"{\"decision\":{\"state\":\"normal\"},\"state\":{\"web\":{\"worker_bytes\":\"9\"},"
		"\"unknown\":[]}}",
	};
	struct limits limits;
	char error[LIMITS_ERROR_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cJSON *document = cJSON_Parse(texts[i]);

		assert_non_null(document);
		assert_int_equal(limits_compute(document, &limits, error, sizeof(error)), -EAGAIN);
		cJSON_Delete(document);
	}
}

static void test_choice(void **state)
{
	struct limits limits = {.servers = "nginx 2 x 2.1 MB, php-fpm8.2 9 x 14.2 MB"};
	enum limits_kind kind = LIMITS_KINDS;

	(void)state;
	assert_true(choose(&limits, &kind));
	assert_int_equal(kind, LIMITS_PHP_FPM);
	limits.servers = "apache2 7 x 20.1 MB";
	assert_true(choose(&limits, &kind));
	assert_int_equal(kind, LIMITS_APACHE);
	limits.servers = "nginx 2 x 2.1 MB";
	assert_true(choose(&limits, &kind));
	assert_int_equal(kind, LIMITS_NGINX);
	limits.servers = "caddy 1 x 40 MB";
	assert_false(choose(&limits, &kind));
	limits.servers = NULL;
	assert_false(choose(&limits, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_formula), cmocka_unit_test(test_properties),
		cmocka_unit_test(test_refusals),    cmocka_unit_test(test_broken_documents),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

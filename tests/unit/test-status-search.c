/* SPDX-License-Identifier: MIT */
/*
 * Two servers at the usual places, of which the first one comes and goes: who is taken, and when. The
 * places of the search are led to servers of the test before the loop runs.
 */
#include "requests-world.h"

#include "collectors/status_search.h"

#define MS NS_PER_MS
/* The two endpoints that are left of the usual ones. */
#define FIRST 0
#define SECOND 1

static struct {
	struct env env;
	struct status_search search;
	struct server first, second;
	unsigned readings[STATUS_KINDS], failures;
} world;

static const struct script nginx[] = {{NULL, ANSWER, OK(NGINX_PAGE("1800"))}};
static const struct script apache[] = {{NULL, ANSWER, OK(APACHE_PAGE("Total Accesses: 5\n"))}};

static void on_search(void *context, const struct status_reading *reading)
{
	(void)context;
	if (reading)
		world.readings[reading->kind]++;
	else
		world.failures++;
}

static void lead(size_t index, const struct server *server)
{
	struct place_endpoint *endpoint = &world.search.places.endpoints[index];
	endpoint->addr = server->addr;
	endpoint->protocol = PROTOCOL_HTTP;
	endpoint->kinds = 1u << STATUS_NGINX | 1u << STATUS_APACHE;
}

/* Two servers, of which the first is not there yet; its address is. */
static void start_search(int64_t hold_ns)
{
	memset(&world, 0, sizeof(world));
	world.env = (struct env){.now_ns = loop_now_ns, .wall_ms = loop_wall_ms};
	world.env.loop = loop_new(NULL);
	assert_non_null(world.env.loop);
	server_open(&world.first, &world.env, "[::1]:0", nginx);
	server_open(&world.second, &world.env, "[::1]:0", apache);
	struct search_conf conf = {
		.wish = {.url = "", .path = "", .kinds = 1u << STATUS_NGINX | 1u << STATUS_APACHE},
		.interval_ns = MS,
		.timeout_ns = 20 * NS_PER_S,
		.retry_ns = 10 * MS,
		.survey = true,
		.hold_ns = hold_ns,
	};
	assert_int_equal(status_search_open(&world.search, &world.env, &conf, on_search, NULL), 0);
	lead(FIRST, &world.first);
	lead(SECOND, &world.second);
	world.search.places.endpoint_count = 2;
	world.search.told.endpoint = 2;
}

static void stop_first(void)
{
	server_close(&world.first);
	world.first.env = NULL;
}

static void start_first(void)
{
	char name[ADDR_TEXT_SIZE];
	memcpy(name, world.first.name, sizeof(name));
	server_open(&world.first, &world.env, name, nginx);
}

static void end_search(void)
{
	status_search_close(&world.search);
	if (world.first.env)
		server_close(&world.first);
	server_close(&world.second);
	loop_free(world.env.loop);
}

/* At boot the second one may be up first. */
static void test_a_better_place_is_taken_when_it_comes(void **state)
{
	(void)state;
	start_search(20 * NS_PER_S);
	stop_first();
	run_until(&world.env, world.readings[STATUS_APACHE] > 0);
	start_first();
	run_until(&world.env, world.readings[STATUS_NGINX] > 0);
	assert_int_equal(world.search.place.endpoint, FIRST);
	assert_int_equal(world.search.kinds, 1u << STATUS_NGINX | 1u << STATUS_APACHE);
	end_search();
}

/* A restart, however long within the time that is granted, does not move us. */
static void test_a_lost_place_is_waited_for(void **state)
{
	(void)state;
	start_search(20 * NS_PER_S);
	run_until(&world.env, world.readings[STATUS_NGINX] > 0);
	stop_first();
	unsigned asked = world.second.requests;
	run_until(&world.env, world.failures >= 8); /* three polls and some searches */
	world.readings[STATUS_NGINX] = 0;
	start_first();
	run_until(&world.env, world.readings[STATUS_NGINX] > 0);
	assert_int_equal(world.readings[STATUS_APACHE], 0);
	assert_int_equal(world.second.requests, asked + 1); /* the new survey */
	end_search();
}

static void test_a_lost_place_is_given_up_in_the_end(void **state)
{
	(void)state;
	start_search(50 * MS);
	run_until(&world.env, world.readings[STATUS_NGINX] > 0);
	stop_first();
	run_until(&world.env, world.readings[STATUS_APACHE] > 0);
	assert_int_equal(world.search.place.endpoint, SECOND);
	end_search();
}

/* One of the kind that is read already brings nothing: we stay. */
static void test_no_move_without_need(void **state)
{
	(void)state;
	start_search(20 * NS_PER_S);
	stop_first();
	run_until(&world.env, world.readings[STATUS_APACHE] > 0);
	start_first();
	world.first.script = apache;
	run_until(&world.env, world.first.requests >= 3);
	assert_int_equal(world.search.place.endpoint, SECOND);
	end_search();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_better_place_is_taken_when_it_comes),
		cmocka_unit_test(test_a_lost_place_is_waited_for),
		cmocka_unit_test(test_a_lost_place_is_given_up_in_the_end),
		cmocka_unit_test(test_no_move_without_need),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * An agent whose passes are made one by one, with a notifier that hears everything. Clocks stand still but when they
 * are moved. To be included by one test program each.
 */
#ifndef HOSTINGPI_TEST_AGENT_PASS_WORLD_H
#define HOSTINGPI_TEST_AGENT_PASS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent_self.h"
#include "agent/collector.h"
#include "agent/notifier.h"
#include "agent/units.h"

#define WALL_MS INT64_C(1795000000000)
#define MIB (INT64_C(1) << 20)

static int64_t now_ns;
static struct agent agent;
static char run_dir[32];
static int manager; /* the other end of what systemd is told */

/* What was heard since the last look: a letter each. */
static char heard[64];
static struct event event;
static struct decision decision;
static uint64_t seq;
static struct about about;
static int64_t sample_ts_ms, late_us;
static bool is_busy; /* takes nothing */

static int64_t fake_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int64_t fake_wall_ms(const struct env *env)
{
	(void)env;
	return WALL_MS + now_ns / NS_PER_MS;
}

static uint32_t fake_entropy(const struct env *env)
{
	(void)env;
	return 0;
}

static void take_sample(const struct snapshot *snapshot)
{
	const char *reason;

	seq = snapshot->seq;
	sample_ts_ms = snapshot->ts_ms;
	if (state_value(snapshot->state, agent.derived.first + DERIVED_LOOP_LATE, now_ns, &late_us,
			&reason) != 0)
		late_us = -1;
}

static int listen_to(void *self, const struct report *report)
{
	static const char letters[] = {
		[REPORT_SAMPLE] = 's',
		[REPORT_DECISION] = 'd',
		[REPORT_EVENT] = 'e',
		[REPORT_ABOUT] = 'a',
	};
	size_t length = strlen(heard);

	(void)self;
	if (is_busy)
		return NOTIFIER_BUSY;
	assert_true(length + 1 < sizeof(heard));
	heard[length] = letters[report->kind];
	heard[length + 1] = '\0';
	if (report->kind == REPORT_EVENT)
		event = *report->event;
	else if (report->kind == REPORT_DECISION)
		decision = *report->decision;
	else if (report->kind == REPORT_ABOUT)
		about = *report->about;
	else if (report->kind == REPORT_SAMPLE)
		take_sample(report->snapshot);
	return 0;
}

static const struct notifier ear = {
	.module = {.name = "ear"},
	.wants = 1u << REPORT_SAMPLE | 1u << REPORT_DECISION | 1u << REPORT_EVENT |
		 1u << REPORT_ABOUT,
	.publish = listen_to,
};

/* Memory and the wear of the card as they are said here; 0: nothing is handed in. */
static int64_t memory_total, memory_free, wear_ppm;

enum { TOTAL, FREE, ACTIVE, INACTIVE, WEAR, QUEUE, MEMORY_METRICS };

static const struct metric memory_metrics[MEMORY_METRICS] = {
	[TOTAL] = {.group = "mem", .unit = UNIT_BYTES, .role = ROLE_MEM_TOTAL},
	[FREE] = {.group = "mem", .unit = UNIT_BYTES, .role = ROLE_MEM_FREE},
	[ACTIVE] = {.group = "mem", .unit = UNIT_BYTES, .role = ROLE_FILE_ACTIVE},
	[INACTIVE] = {.group = "mem", .unit = UNIT_BYTES, .role = ROLE_FILE_INACTIVE},
	[WEAR] = {.group = "sd", .unit = UNIT_PPM, .role = ROLE_STORAGE_WEAR},
	[QUEUE] = {.group = "sd", .unit = UNIT_COUNT, .role = ROLE_STORAGE_QUEUE},
};

static int read_memory(void *self, int64_t at_ns, struct batch *batch)
{
	(void)self;
	(void)at_ns;
	for (unsigned i = 0; i < WEAR; i++) {
		if (memory_total == 0)
			batch_unknown(batch, i, "nobody knows");
		else
			batch_value(batch, i,
				    i == TOTAL	? memory_total
				    : i == FREE ? memory_free
						: 0);
	}
	if (wear_ppm == 0)
		return 0;
	batch_value(batch, WEAR, wear_ppm);
	batch_value(batch, QUEUE, 0);
	return 0;
}

static const struct collector memory = {
	.module = {.name = "memory",
		   .metrics = memory_metrics,
		   .metric_count = MEMORY_METRICS,
		   .read = read_memory},
};

const struct collector *const collectors[] = {&memory, NULL};
const struct notifier *const notifiers[] = {&ear, NULL};

static inline int set_up(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	manager = pair[1];
	now_ns = 1000 * NS_PER_S;
	memory_total = memory_free = wear_ppm = 0;
	is_busy = false;
	strcpy(run_dir, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	agent = (struct agent){.notify = {.fd = pair[0]}};
	agent.env = (struct env){.now_ns = fake_now_ns,
				 .wall_ms = fake_wall_ms,
				 .entropy = fake_entropy,
				 .id = "pi",
				 .run_dir = run_dir};
	assert_int_equal(settings_load("/nowhere/hostingpi.conf", true, agent_conf_error, NULL,
				       &agent.settings),
			 0);
	agent_clock_open(&agent);
	assert_int_equal(plant_init(&agent.plant, &agent.env, DERIVED_COUNT), 0);
	assert_int_equal(state_add(agent.plant.state, derived_metrics, DERIVED_COUNT, 3 * NS_PER_S,
				   &agent.derived),
			 0);
	assert_int_equal(agent_overview(&agent), 0);
	assert_int_equal(plant_open(&agent.plant, agent.settings, true), 0);
	agent_about(&agent);
	heard[0] = '\0';
	agent.sample_due_ns = now_ns;
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	plant_free(&agent.plant);
	agent_overview_free(&agent);
	settings_free(agent.settings);
	close(agent.notify.fd);
	close(manager);
	return rmdir(run_dir);
}

/* A pass so many milliseconds after the last. */
static inline const char *pass(int64_t ms)
{
	heard[0] = '\0';
	now_ns += ms * NS_PER_MS;
	agent_sample(&agent);
	return heard;
}

/* The last datagram that systemd got; "": none. */
static inline const char *status(void)
{
	static char text[256];
	ssize_t length;

	text[0] = '\0';
	while ((length = recv(manager, text, sizeof(text) - 1, 0)) >= 0)
		text[length] = '\0';
	return text;
}

#endif

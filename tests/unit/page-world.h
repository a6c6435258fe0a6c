/* SPDX-License-Identifier: MIT */
/*
 * A Pi that never was, for the status page: the metrics of all modules, a day of history, a diary and
 * balancers, filled so that every picture and every test sees the same. The time of day is fixed.
 */
#ifndef HOSTINGPI_TEST_PAGE_WORLD_H
#define HOSTINGPI_TEST_PAGE_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/derived.h"
#include "agent/overview.h"
#include "agent/report.h"
#include "agent/state.h"
#include "agent/units.h"
#include "collectors/collectors.h"
#include "notifiers/notifiers.h"

#define WORLD_NOW_MS INT64_C(1771164187000) /* 15 Feb 2026, 14:03:07 UTC */
#define MIB (INT64_C(1) << 20)

enum world_scene {
	WORLD_CALM,
	WORLD_SHED,
	WORLD_TROUBLE,
	WORLD_HOLD,
	WORLD_UNKNOWN, /* nothing can be read; no history */
	WORLD_HOSTILE, /* every foreign text is hostile and as long as its place */
	WORLD_SCENES,
};

static const char *const world_scene_words[] = {
	"calm", "shed", "trouble", "hold", "unknown", "hostile", NULL,
};

/* Closes what it stands in and opens what it must not; of any length. */
#define WORLD_EVIL "\"'></td></title></style></script><script>alert(1)</script><img src=x>&&&&"

#define WORLD_MODULES 16

struct world_module {
	const struct metric *metrics;
	unsigned count;
	struct state_source source;
};

struct world {
	enum world_scene scene;
	struct world_module modules[WORLD_MODULES];
	size_t module_count;
	const struct metric *metrics[256];
	struct state *state;
	struct history *history;
	struct diary diary;
	struct decision decision;
	struct balancer balancers[OVERVIEW_BALANCERS];
	size_t balancer_count;
	struct overview overview;
	struct about about;
	int64_t now_ns;
	int64_t requests;    /* thousandths */
	int64_t minutes_bad; /* how long the trouble of the scene lasts */
	uint32_t random;
	char evil[1024];
};

/* Cut where its place ends. */
static inline void world_copy(char *target, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);

	memcpy(target, text, length);
	target[length] = '\0';
}

static inline int64_t world_noise(struct world *world, int64_t size)
{
	world->random = world->random * 1664525u + 1013904223u;
	return (int64_t)(world->random >> 8) % (2 * size + 1) - size;
}

/* 0..1000 and back over a period of seconds, without libm. */
static inline int64_t world_wave(int64_t at_s, int64_t period_s)
{
	int64_t x = ((at_s % period_s) + period_s) % period_s * 2000 / period_s;
	x = x > 1000 ? 2000 - x : x;
	return x * x * (3000 - 2 * x) / 1000000;
}

/* The end of it, all '&', in so many bytes. */
static inline const char *world_evil(const struct world *world, size_t size)
{
	return world->evil + sizeof(world->evil) - size;
}

struct world_value {
	const char *group, *name;
	int64_t value;
	const char *text;
};

/* What stays as it is; what moves stands in world_moving(). */
static const struct world_value world_calm[] = {
	{"mem", "total_bytes", 946 * MIB, NULL},
	{"mem", "reserve_bytes", 128 * MIB, NULL},
	{"swap", "kind", SWAP_DISK, NULL},
	{"swap", "total_bytes", 512 * MIB, NULL},
	{"swap", "used_bytes", 0, NULL},
	{"soc", "freq_hz", 1400000000, NULL},
	{"soc", "critical_temp_c", 110000, NULL},
	{"sd", "device", 0, "mmcblk0"},
	{"sd", "card", 0, "SD SN64G 0x03 11/2024"},
	{"sd", "written_day_bytes", 1312 * MIB, NULL},
	{"sd", "busy_ratio", 34000, NULL},
	{"sd", "queue", 120, NULL},
	{"sd", "health", 1, NULL},
	{"sd", "health_reason", 0, "no bad sign"},
	{"fs", "type", 0, "ext4"},
	{"fs", "lifetime_written_bytes", INT64_C(49275338752), NULL},
	{"web", "source", 0, "apache: http://[::1]/server-status?auto"},
	{"web", "servers", 0, "apache2: 18 of 24.1 MB"},
	{"web", "idle_workers", 11, NULL},
	{"web", "workers", 18, NULL},
	{"web", "memory_bytes", 412 * MIB, NULL},
	{"web", "worker_bytes", 24 * MIB, NULL},
	{"lb", "balancers", 2, NULL},
	{"self", "rss_bytes", 5001216, NULL},
	{"self", "written_bytes", 4096, NULL},
};

/* Reasons as the modules give them; everything else that has no value is 0. */
static const struct world_value world_missing[] = {
	{"fs", "nfs_", 0, "not applicable: root is not on NFS"},
	{"fs", "last_error_age_s", 0, "not applicable: no error with a time is on record"},
	{"sd", "life_used_ratio", 0, "not applicable: only an eMMC tells it"},
	{"sd", "pre_eol", 0, "not applicable: only an eMMC tells it"},
	{"sd", "retried_errors", 0, "not asked for: err_stats in [sdcard]"},
	{"soc", "rp1_temp_c", 0, "not applicable: only a Pi 5 has it"},
	{"soc", "supply_v", 0, "not applicable: only a Pi 5 has it"},
	{"soc", "rails_w", 0, "not applicable: only a Pi 5 has it"},
	{"soc", "supply_max_a", 0, "not applicable: only a Pi 5 has it"},
	{"soc", "usb_over_current", 0, "not applicable: only a Pi 5 has it"},
	{"soc", "reset_reason", 0, "not applicable: only a Pi 5 has it"},
	{"soc", "fan_rpm", 0, "no fan with a tachometer"},
	{"mem", "psi_", 0, "the kernel has no PSI: boot it with psi=1"},
	{"web", "queued", 0, "this status page does not tell it"},
	{"web", "max_children_reached", 0, "this status page does not tell it"},
	{"web", "slow_requests", 0, "this status page does not tell it"},
	{"web", "latency_ms", 0, "this status page does not tell it"},
};

#define WORLD_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What moves over the day; at_s is seconds before now, <= 0. False: not one of these. */
static inline bool world_moving(struct world *world, const struct metric *metric, int64_t at_s,
				int64_t *ret_value)
{
	const char *name = metric->name ? metric->name : metric->rate_name ? metric->rate_name : "";
	int64_t load = world_wave(at_s - 30000, 86400) + world_wave(at_s, 1500) / 6;
	int64_t bad_s = world->minutes_bad * 60;
	int64_t bad = bad_s > 0 && at_s > -bad_s ? (at_s + bad_s) * 1000 / bad_s : 0;

	int64_t short_of = world->scene == WORLD_SHED ? bad : 0;

	if (strcmp(metric->group, "lb") == 0 && strcmp(name, "balancers") != 0 &&
	    strcmp(name, "weight") != 0)
		*ret_value = strcmp(name, "state") == 0	    ? (int64_t)world->decision.state
			     : strcmp(name, "maxconn") == 0 ? world->decision.maxconn
							    : world->decision.since_ms;
	else if (strcmp(name, "requests_total") == 0)
		*ret_value = world->requests / 1000;
	else if (strcmp(name, "headroom_bytes") == 0)
		*ret_value = (440 - load * 170 / 1000 - short_of * 240 / 1000) * MIB +
			     world_noise(world, 6 * MIB);
	else if (strcmp(name, "available_bytes") == 0)
		*ret_value = (580 - load * 170 / 1000 - short_of * 240 / 1000) * MIB;
	else if (strcmp(name, "weight") == 0)
		*ret_value = bad < 300	 ? 100
			     : bad < 800 ? 100 - (bad - 300) / 50 * 5
					 : world->decision.weight_pct;
	else if (strcmp(name, "temp_c") == 0)
		*ret_value = 47000 + load * 13 + bad * 4 + world_noise(world, 400);
	else if (strcmp(name, "write_latency_ms") == 0)
		*ret_value = 6 + (world_noise(world, 50) > 46 ? 40 : 0) + load / 200 +
			     (world->scene == WORLD_TROUBLE ? bad : 0) + world_noise(world, 3);
	else if (strcmp(name, "busy_workers") == 0)
		*ret_value = 2 + load / 180;
	else if (metric->role == ROLE_SOC_TEMP_LIMIT)
		*ret_value = 80000;
	else if (metric->kind == METRIC_COUNTER && metric->rate_name && !metric->name &&
		 strcmp(metric->group, "swap") != 0)
		*ret_value = (at_s + 86400) * (metric->unit == UNIT_BYTES ? 48213 : 1900);
	else
		return false;
	return true;
}

static inline const char *world_reason(const struct world *world, const struct metric *metric,
				       int64_t at_s)
{
	const char *name = metric->name ? metric->name : metric->rate_name ? metric->rate_name : "";

	if (world->scene == WORLD_UNKNOWN)
		return strcmp(metric->group, "lb") == 0 ? NULL
		       : strcmp(metric->group, "soc") == 0
			       ? "no right to open /dev/vcio: add the user to the group video"
			       : "memory readings are missing or stale";
	/* The agent was off for a while, and the card asleep. */
	if (at_s > -30000 && at_s < -24000 && metric->course)
		return "off";
	if (metric->course && strcmp(metric->group, "sd") == 0 && at_s > -2400 && at_s < -2100)
		return "no writes finished in the last 10 s";
	for (size_t i = 0; i < WORLD_COUNT(world_missing); i++)
		if (strcmp(metric->group, world_missing[i].group) == 0 &&
		    strncmp(name, world_missing[i].name, strlen(world_missing[i].name)) == 0)
			return world_missing[i].text;
	if (strcmp(name, "time_to_swap_s") == 0 && world->minutes_bad == 0)
		return "headroom is not falling";
	return NULL;
}

static inline void world_hand_in(struct world *world, struct batch *batch, unsigned index,
				 const struct metric *metric, int64_t at_s)
{
	const char *reason = world_reason(world, metric, at_s);
	int64_t value = 0;

	if (reason) {
		batch_unknown(batch, index, reason);
		return;
	}
	if (metric->unit == UNIT_TEXT && world->scene == WORLD_HOSTILE) {
		batch_text(batch, index, world_evil(world, STATE_TEXT_SIZE));
		return;
	}
	if (metric->unit != UNIT_TEXT && world_moving(world, metric, at_s, &value)) {
		batch_value(batch, index, value);
		return;
	}
	for (size_t i = 0; i < WORLD_COUNT(world_calm) && metric->name; i++) {
		const struct world_value *calm = &world_calm[i];
		if (strcmp(metric->group, calm->group) != 0 ||
		    strcmp(metric->name, calm->name) != 0)
			continue;
		if (calm->text)
			batch_text(batch, index, calm->text);
		else
			batch_value(batch, index, calm->value);
		return;
	}
	if (metric->unit == UNIT_TEXT)
		batch_text(batch, index,
			   strcmp(metric->group, "lb") == 0 ? world->decision.reason : "none");
	else
		batch_value(batch, index, 0);
}

static inline void world_set(struct world *world, const char *group, const char *name,
			     int64_t value, const char *text)
{
	static struct batch batch;

	for (size_t i = 0; i < world->module_count; i++) {
		struct world_module *module = &world->modules[i];
		for (unsigned j = 0; j < module->count; j++) {
			if (strcmp(module->metrics[j].group, group) != 0 ||
			    !module->metrics[j].name || strcmp(module->metrics[j].name, name) != 0)
				continue;
			batch_reset(&batch);
			if (text)
				batch_text(&batch, j, text);
			else
				batch_value(&batch, j, value);
			state_update(world->state, module->source, &batch, world->now_ns);
		}
	}
}

static inline void world_live(struct world *world)
{
	static struct batch batch;

	/* Minutes, and in the last hour the steps that the history keeps of it. */
	for (int64_t at_s = -86400, step_s; at_s < 0;) {
		step_s = at_s < -3600 ? 60 : 10;
		at_s += step_s;
		world->now_ns = NS_PER_S * (1000000 + at_s);
		world->requests += step_s * (2000 + 14 * world_wave(at_s - 30000, 86400) +
					     world_noise(world, 1500));
		for (size_t i = 0; i < world->module_count; i++) {
			struct world_module *module = &world->modules[i];
			batch_reset(&batch);
			for (unsigned j = 0; j < module->count; j++)
				world_hand_in(world, &batch, j, &module->metrics[j], at_s);
			state_update(world->state, module->source, &batch, world->now_ns);
		}
		if (world->scene != WORLD_UNKNOWN)
			history_take(world->history, world->state, world->now_ns);
	}
}

static inline void world_tell(struct world *world, int64_t ago_s, enum severity severity,
			      const char *kind, const char *text)
{
	struct event event = {.ts_ms = WORLD_NOW_MS - ago_s * 1000, .severity = severity};

	world_copy(event.kind, sizeof(event.kind), kind);
	text_copy(event.text, sizeof(event.text), text);
	diary_put(&world->diary, &event);
}

static inline void world_ask(struct world *world, const char *by, const char *name,
			     const char *address, int64_t ago_ms, int64_t interval_ms)
{
	struct balancer *balancer = &world->balancers[world->balancer_count++];

	*balancer = (struct balancer){.by = by,
				      .seen_ns = world->now_ns - ago_ms * NS_PER_MS,
				      .interval_ns = interval_ms * NS_PER_MS,
				      .told = world->decision.drain ? "drain" : NULL};
	world_copy(balancer->name, sizeof(balancer->name), name);
	world_copy(balancer->address, sizeof(balancer->address), address);
}

#include "tests/unit/page-scenes.h"

#endif

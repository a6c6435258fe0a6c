/* SPDX-License-Identifier: MIT */
/* The scenes of page-world.h, and its beginning and end. */
#ifndef HOSTINGPI_TEST_PAGE_SCENES_H
#define HOSTINGPI_TEST_PAGE_SCENES_H

static const struct decision world_decisions[WORLD_SCENES] = {
	[WORLD_CALM] = {.state = CONTROL_NORMAL, .reason = "ok", .weight_pct = 100, .maxconn = 17},
	[WORLD_SHED] = {.state = CONTROL_SHED,
			.reason = "memory low",
			.weight_pct = 45,
			.maxconn = 8,
			.time_to_swap_known = true,
			.time_to_swap_ms = 74400},
	[WORLD_TROUBLE] = {.state = CONTROL_HARD,
			   .reason = "storage fails",
			   .weight_pct = 1,
			   .maxconn = 1},
	[WORLD_HOLD] = {.state = CONTROL_HOLD,
			.reason = "operator: new card, back at four",
			.weight_pct = 5,
			.maxconn = 1,
			.drain = true},
	[WORLD_UNKNOWN] = {.state = CONTROL_BLIND,
			   .reason = "memory readings are missing or stale",
			   .weight_pct = 100,
			   .maxconn = 1},
	[WORLD_HOSTILE] = {.state = CONTROL_HARD,
			   .weight_pct = 1,
			   .maxconn = INT32_MAX,
			   .time_to_swap_known = true,
			   .time_to_swap_ms = INT64_MAX},
};

static inline void world_play_calm(struct world *world)
{
	world_tell(world, 61000, SEVERITY_INFO, "start",
		   "start -> normal: ok; weight 100%, maxconn 17");
	world_tell(world, 8400, SEVERITY_WARNING, "state",
		   "normal -> shed: memory shrinks 4 MB/s; weight 80%, maxconn 14");
	world_tell(world, 8040, SEVERITY_INFO, "state",
		   "recover -> normal: ok; weight 100%, maxconn 17");
	world_ask(world, "haproxy", "lb1/pis", "2001:db8::1", 240, 500);
	world_ask(world, "haproxy", "lb2/pis", "2001:db8::2", 410, 500);
	world_ask(world, "http", "Prometheus/2.42.0", "192.0.2.17", 9100, 15000);
}

static inline void world_play_trouble(struct world *world)
{
	world_set(world, "sd", "write_errors", 3, NULL);
	world_set(world, "sd", "timeouts", 1, NULL);
	world_set(world, "sd", "stalled", 1, NULL);
	world_set(world, "sd", "health", 4, NULL);
	world_set(world, "sd", "health_reason", 0, "3 requests failed, the last just now");
	world_set(world, "swap", "write_errors", 2, NULL);
	world_set(world, "fs", "read_only", 1, NULL);
	world_set(world, "fs", "errors", 2, NULL);
	world_tell(world, 130, SEVERITY_CRITICAL, "sd-timeout",
		   "mmc0: the card did not answer: Timeout waiting for hardware interrupt.");
	world_tell(world, 128, SEVERITY_CRITICAL, "sd-write-error",
		   "mmcblk0: I/O error while writing sector 1146880; 2 more in the next second");
	world_tell(world, 127, SEVERITY_CRITICAL, "state",
		   "normal -> hard: storage fails; weight 1%, maxconn 1");
	world_tell(world, 121, SEVERITY_CRITICAL, "fs-readonly",
		   "root file system went read-only after an error of ext4");
	world_tell(world, 9, SEVERITY_CRITICAL, "sd-health",
		   "good -> dead: 3 requests failed, the last just now");
}

static inline void world_play_hostile(struct world *world)
{
	for (size_t i = 0; i < DIARY_EVENTS + 3; i++)
		world_tell(world, -(int64_t)i, (enum severity)(i % 3), world->evil, world->evil);
	while (world->balancer_count < OVERVIEW_BALANCERS)
		world_ask(world, "haproxy", world->evil, world->evil,
			  -(int64_t)world->balancer_count, INT64_MAX / NS_PER_MS);
	/* 128: the longest text of the core's (its list of libraries). */
	const char *fact = world_evil(world, 128);
	world->about.id = world->about.model = world->about.kernel = fact;
	world->about.firmware = world->about.version = world->about.libraries = fact;
	world->about.config_digest = world_evil(world, 17);
	world_copy(world->decision.reason, sizeof(world->decision.reason), world->evil);
}

static inline struct snapshot world_snapshot(const struct overview *overview)
{
	const struct world *world = overview->context;

	return (struct snapshot){
		.ts_ms = WORLD_NOW_MS, .now_ns = world->now_ns, .seq = 1, .state = world->state};
}

static inline size_t world_balancers(const struct overview *overview,
				     struct balancer *ret_balancers, size_t room)
{
	const struct world *world = overview->context;
	size_t count = world->balancer_count < room ? world->balancer_count : room;

	memcpy(ret_balancers, world->balancers, count * sizeof(*ret_balancers));
	return count;
}

static inline void world_add(struct world *world, const struct metric *metrics, unsigned count)
{
	if (count > 0)
		world->modules[world->module_count++] =
			(struct world_module){.metrics = metrics, .count = count};
}

static inline void world_add_all(struct world *world)
{
	static const struct collector *const all[] = {
		&memory_collector,  &temperature_collector, &firmware_collector,
		&sdcard_collector,  &filesystem_collector,  &kernel_log_collector,
		&nfs_collector,	    &requests_collector,    &workers_collector,
		&network_collector, &self_collector,
	};
	static const struct notifier *const others[] = {&haproxy_notifier, &mqtt_notifier,
							&post_notifier};

	for (size_t i = 0; i < WORLD_COUNT(all); i++)
		world_add(world, all[i]->module.metrics, all[i]->module.metric_count);
	for (size_t i = 0; i < WORLD_COUNT(others); i++)
		world_add(world, others[i]->module.metrics, others[i]->module.metric_count);
	world_add(world, derived_metrics, DERIVED_COUNT);
}

static inline void world_make_about(struct world *world)
{
	world->about = (struct about){
		.id = "attic-3",
		.model = "Raspberry Pi 3 Model B Plus Rev 1.3",
		.firmware = "2025/05/08 15:13:17 (d9ebf3d3)",
		.kernel = "6.12.47+rpt-rpi-v8",
		.version = "0.7",
		.libraries = "libuv 1.44.2, libmosquitto 2.0.11, libsensors 3.6.0",
		.config_digest = "5f0c3a9d1b2e4f60",
		.started_ms = WORLD_NOW_MS - 61000000,
		.overview = &world->overview,
	};
	world->overview = (struct overview){
		.history = world->history,
		.diary = &world->diary,
		.decision = &world->decision,
		.balancers = world_balancers,
		.snapshot = world_snapshot,
		.context = world,
	};
}

static inline struct world *world_new(enum world_scene scene)
{
	struct world *world = calloc(1, sizeof(*world));

	world->scene = scene;
	world->random = 4;
	world->decision = world_decisions[scene];
	world->decision.maxconn_known = scene != WORLD_UNKNOWN;
	world->decision.balancers = 2;
	world->decision.since_ms = WORLD_NOW_MS - (scene == WORLD_SHED	    ? 210000
						   : scene == WORLD_TROUBLE ? 127000
									    : 8040000);
	world->minutes_bad = scene == WORLD_SHED ? 5 : scene == WORLD_TROUBLE ? 2 : 0;
	for (size_t i = 0; i + 1 < sizeof(world->evil); i++)
		world->evil[i] = scene == WORLD_HOSTILE && i >= strlen(WORLD_EVIL)
					 ? '&'
					 : WORLD_EVIL[i % strlen(WORLD_EVIL)];
	world_add_all(world);
	world->state = state_new(256);
	for (size_t i = 0; i < world->module_count; i++)
		state_add(world->state, world->modules[i].metrics, world->modules[i].count,
			  NS_PER_S * 200, &world->modules[i].source);
	world->history = history_new(world->state);
	world_make_about(world);
	world_live(world);
	world->decision.headroom_known = scene != WORLD_UNKNOWN;
	world->decision.headroom_bytes = (scene == WORLD_SHED ? 66 : 310) * MIB;
	if (scene == WORLD_HOSTILE) {
		world_play_hostile(world);
		return world;
	}
	if (scene == WORLD_UNKNOWN) {
		world->about.model = world->about.kernel = world->about.firmware = NULL;
		return world;
	}
	world_play_calm(world);
	if (scene == WORLD_TROUBLE)
		world_play_trouble(world);
	if (scene == WORLD_SHED)
		world_tell(world, 210, SEVERITY_WARNING, "state",
			   "normal -> shed: memory low; weight 80%, maxconn 14");
	return world;
}

static inline void world_free(struct world *world)
{
	history_free(world->history);
	state_free(world->state);
	free(world);
}

#endif

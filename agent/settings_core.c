/* SPDX-License-Identifier: MIT */
/*
 * The rows of the core's own sections. They stand apart from settings.c because hostingpictl reads
 * some of them, too, and knows no modules.
 */
#include "agent/settings.h"

static const char *const fleet_words[] = {
	[FLEET_PIS_ONLY] = "pis-only",
	[FLEET_MIXED] = "mixed",
	NULL,
};

static const struct conf_item agent_items[] = {
	{.key = "id",
	 .type = CONF_NAME,
	 .offset = offsetof(struct agent_conf, id),
	 .size = sizeof(((struct agent_conf *)0)->id),
	 .fallback = "",
	 .help = "name of this Pi in topics; empty: derived from the SoC serial or machine id"},
	{.key = "interval",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_conf, interval_ns),
	 .size = sizeof(int64_t),
	 .fallback = "1s",
	 .min = 100 * NS_PER_MS,
	 .max = 60 * NS_PER_S,
	 .help = "time between two published samples"},
	{.key = "run_dir",
	 .type = CONF_PATH,
	 .offset = offsetof(struct agent_conf, run_dir),
	 .size = sizeof(((struct agent_conf *)0)->run_dir),
	 .fallback = "/run/hostingpi",
	 .min = 1,
	 .help = "directory for the control socket and state that lives until reboot"},
	{.key = NULL},
};

static const struct conf_item control_items[] = {
	CONF_ROW(struct control_conf, reserve, CONF_SHARE, "30%", .min = 1, .max = 90,
		 .help = "headroom that is never given away, part of RAM or a size"),
	CONF_ROW(struct control_conf, horizon, CONF_DURATION, "10s", .min = NS_PER_S,
		 .max = 300 * NS_PER_S, .help = "how far ahead the budget looks"),
	CONF_ROW(struct control_conf, worker_size, CONF_SIZE, "0", .min = 0,
		 .max = INT64_C(1) << 34, .help = "memory of one web worker; 0: measured, or 32M"),
	CONF_ROW(struct control_conf, cap, CONF_INT, "0", .min = 0, .max = 100000,
		 .help = "concurrent requests, never more; 0: what memory allows"),
	CONF_ROW(struct control_conf, blind_weight, CONF_PERCENT, "100%", .min = 1, .max = 100,
		 .help = "weight while the agent's own readings are stale"),
	CONF_ROW(struct control_conf, fleet, CONF_WORD, "pis-only", .words = fleet_words,
		 .help = "mixed: at the hard level tell the balancer that this server failed"),
	{.key = NULL},
};

const struct conf_section settings_core_sections[] = {
	{"agent", agent_items, NULL},
	{"control", control_items, NULL},
	{0},
};

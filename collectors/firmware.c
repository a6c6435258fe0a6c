/* SPDX-License-Identifier: MIT */
/*
 * What the firmware of a Raspberry Pi knows and Linux does not: whether it lowers the clock now and
 * whether it had to since boot, and on a Pi 5 what the power chip measures. It is asked every 5 s, in
 * this process and without the vendor's tool; the way is in firmware_ask.c, the pace in
 * firmware_poll.c.
 *
 * A lowered clock and under-voltage are inputs of the decision, beside those that the kernel has: a
 * board that is throttled takes longer for each request. The soft limit is not: on the boards that have
 * one (Pi 3B+) it takes a seventh of the clock for most of a day, on the others it comes at 80
 * degrees, for which the temperature stands already.
 *
 * The events for under-voltage are the kernel log's; they are told here only where the kernel has no
 * driver (rpi_volt) that would log them.
 */
#include "collectors/collectors.h"

#include <stdio.h>
#include <string.h>

#include "collectors/firmware_board.h"
#include "collectors/firmware_events.h"
#include "collectors/firmware_parse.h"
#include "collectors/firmware_poll.h"
#include "collectors/sensors.h"

enum firmware_metric {
	FW_UNDERVOLTAGE,
	FW_FREQ_CAPPED,
	FW_THROTTLED,
	FW_SOFT_LIMIT,
	FW_UNDERVOLTAGE_SINCE,
	FW_FREQ_CAPPED_SINCE,
	FW_THROTTLED_SINCE,
	FW_SOFT_LIMIT_SINCE,
	FW_SUPPLY,
	FW_RAILS,
	FW_SUPPLY_MAX,
	FW_USB_OVER_CURRENT,
	FW_RESET_REASON,
	FW_METRICS,
};

static const struct metric firmware_metrics[FW_METRICS] = {
	/* Published is what the kernel says, which looks more often. */
	[FW_UNDERVOLTAGE] = {.group = "soc",
			     .unit = UNIT_BOOL,
			     .role = ROLE_UNDERVOLTAGE,
			     .help = "the firmware sees a supply that is too weak"},
	[FW_FREQ_CAPPED] = {.group = "soc",
			    .name = "freq_capped",
			    .unit = UNIT_BOOL,
			    .role = ROLE_THROTTLED,
			    .help = "the firmware limits the processor clock"},
	[FW_THROTTLED] = {.group = "soc",
			  .name = "throttled",
			  .unit = UNIT_BOOL,
			  .role = ROLE_THROTTLED,
			  .help = "the firmware lowers the processor clock"},
	[FW_SOFT_LIMIT] = {.group = "soc",
			   .name = "soft_limit",
			   .unit = UNIT_BOOL,
			   .help = "the soft temperature limit is active"},
	[FW_UNDERVOLTAGE_SINCE] = {.group = "soc",
				   .name = "undervoltage_since_boot",
				   .unit = UNIT_BOOL,
				   .help = "the supply was too weak at least once"},
	[FW_FREQ_CAPPED_SINCE] = {.group = "soc",
				  .name = "freq_capped_since_boot",
				  .unit = UNIT_BOOL,
				  .help = "the clock was limited at least once"},
	[FW_THROTTLED_SINCE] = {.group = "soc",
				.name = "throttled_since_boot",
				.unit = UNIT_BOOL,
				.help = "the clock was lowered at least once"},
	[FW_SOFT_LIMIT_SINCE] = {.group = "soc",
				 .name = "soft_limit_since_boot",
				 .unit = UNIT_BOOL,
				 .help = "the soft temperature limit was active at least once"},
	[FW_SUPPLY] = {.group = "soc",
		       .name = "supply_v",
		       .unit = UNIT_MILLI,
		       .idle_unknown = true,
		       .help = "voltage at the 5 V input of a Pi 5"},
	[FW_RAILS] = {.group = "soc",
		      .name = "rails_w",
		      .unit = UNIT_MILLI,
		      .idle_unknown = true,
		      .help = "power of the rails of a Pi 5, without USB and losses"},
	[FW_SUPPLY_MAX] = {.group = "soc",
			   .name = "supply_max_a",
			   .unit = UNIT_MILLI,
			   .idle_unknown = true,
			   .help = "current that the supply of a Pi 5 says it can give"},
	[FW_USB_OVER_CURRENT] = {.group = "soc",
				 .name = "usb_over_current",
				 .unit = UNIT_BOOL,
				 .idle_unknown = true,
				 .help = "a USB port of a Pi 5 took too much while it booted"},
	[FW_RESET_REASON] = {.group = "soc",
			     .name = "reset_reason",
			     .unit = UNIT_TEXT,
			     .idle_unknown = true,
			     .help = "why the power chip of a Pi 5 had reset the board"},
};

static const struct {
	enum firmware_metric metric;
	uint32_t bit;
} bits[] = {
	{FW_UNDERVOLTAGE, FIRMWARE_UNDERVOLTAGE},
	{FW_FREQ_CAPPED, FIRMWARE_FREQ_CAPPED},
	{FW_THROTTLED, FIRMWARE_THROTTLED},
	{FW_SOFT_LIMIT, FIRMWARE_SOFT_LIMIT},
	{FW_UNDERVOLTAGE_SINCE, FIRMWARE_UNDERVOLTAGE << FIRMWARE_SINCE_BOOT},
	{FW_FREQ_CAPPED_SINCE, FIRMWARE_FREQ_CAPPED << FIRMWARE_SINCE_BOOT},
	{FW_THROTTLED_SINCE, FIRMWARE_THROTTLED << FIRMWARE_SINCE_BOOT},
	{FW_SOFT_LIMIT_SINCE, FIRMWARE_SOFT_LIMIT << FIRMWARE_SINCE_BOOT},
};

struct firmware {
	struct firmware_poll poll;
	struct firmware_board board;
	struct firmware_events events;
	bool told_board;
	char version[96]; /* empty: unknown */
	char reset[FIRMWARE_RESET_SIZE];
};

static bool kernel_tells_undervoltage(int root_fd)
{
	struct sensor_chip chips[SENSOR_CHIPS];
	int count = sensor_chips_scan(root_fd, chips);

	for (int i = 0; i < count; i++)
		if (strcmp(chips[i].name, "rpi_volt") == 0)
			return true;
	return false;
}

static int firmware_open(void *self, const void *conf, const struct env *env)
{
	struct firmware *firmware = self;

	(void)conf;
	firmware_poll_open(&firmware->poll, env);
	if (firmware_poll_version(&firmware->poll, firmware->version, sizeof(firmware->version)) <
	    0)
		firmware_board_version(env->root_fd, firmware->version, sizeof(firmware->version));
	firmware_board_read(env->root_fd, &firmware->board);
	firmware_reset_text(firmware->board.reset, firmware->reset);
	firmware->events.tell_undervoltage = !kernel_tells_undervoltage(env->root_fd);
	return 0;
}

/* Slow facts and what is measured, or why it is not known. */
static void hand_in(struct batch *batch, enum firmware_metric metric, bool known, int64_t value,
		    const char *reason)
{
	if (known)
		batch_value(batch, metric, value);
	else
		batch_unknown(batch, metric, reason);
}

static int firmware_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	static const char not_in_tree[] = NOT_APPLICABLE "only the device tree of a Pi 5 tells";
	struct firmware *firmware = self;
	struct firmware_poll *poll = &firmware->poll;
	const struct firmware_facts *facts = &poll->facts;
	const struct firmware_board *board = &firmware->board;
	const char *rails_reason;

	firmware_poll(poll, now_ns);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		hand_in(ret_batch, bits[i].metric, facts->bits_known,
			(facts->bits & bits[i].bit) != 0, poll->bits_reason);
	rails_reason = facts->bits_known ? poll->rails_reason : poll->bits_reason;
	hand_in(ret_batch, FW_SUPPLY, facts->rails_known, facts->rails.supply_mv, rails_reason);
	hand_in(ret_batch, FW_RAILS, facts->rails_known, facts->rails.power_mw, rails_reason);
	hand_in(ret_batch, FW_SUPPLY_MAX, board->current_known, board->current_ma, not_in_tree);
	hand_in(ret_batch, FW_USB_OVER_CURRENT, board->usb_known, board->usb_over_current,
		not_in_tree);
	if (board->reset_known)
		batch_text(ret_batch, FW_RESET_REASON, firmware->reset);
	else
		batch_unknown(ret_batch, FW_RESET_REASON, not_in_tree);

	if (!firmware->told_board)
		firmware_events_board(board, ret_batch);
	firmware->told_board = true;
	firmware_events_take(&firmware->events, facts, now_ns, ret_batch);
	return 0;
}

static const char *firmware_version(const void *self)
{
	const struct firmware *firmware = self;

	return firmware->version[0] ? firmware->version : NULL;
}

static void firmware_close(void *self)
{
	struct firmware *firmware = self;

	firmware_poll_close(&firmware->poll);
}

const struct collector firmware_collector = {
	.module.name = "firmware",
	.module.metrics = firmware_metrics,
	.module.metric_count = FW_METRICS,
	.module.self_size = sizeof(struct firmware),
	.module.period_ns = FIRMWARE_PERIOD_NS,
	.module.firmware = firmware_version,
	.module.open = firmware_open,
	.module.read = firmware_read,
	.module.close = firmware_close,
};

/* SPDX-License-Identifier: MIT */
/* What the firmware says now: asked seldom, and left alone for a while when it does not answer. */
#ifndef HOSTINGPI_FIRMWARE_POLL_H
#define HOSTINGPI_FIRMWARE_POLL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/env.h"
#include "agent/log.h"
#include "agent/units.h"
#include "collectors/firmware_ask.h"
#include "collectors/firmware_parse.h"

/* How often it is asked; each question is a message to another processor and back. */
#define FIRMWARE_PERIOD_NS (5 * NS_PER_S)

struct firmware_facts {
	bool bits_known;
	uint32_t bits;
	bool rails_known;
	struct firmware_rails rails;
};

struct firmware_poll {
	const struct env *env;
	struct firmware_ask ask;
	/* Not before; INT64_MAX: never again. */
	int64_t bits_from_ns, rails_from_ns;
	unsigned bits_failures, rails_failures; /* one after the other */
	struct complaint complaint;
	struct firmware_facts facts;
	char bits_reason[192];	/* why nothing is known */
	char rails_reason[192]; /* why the rails are not, where the bits are */
};

/* Prepares a poll that is zeroed and opens the node. */
void firmware_poll_open(struct firmware_poll *poll, const struct env *env);
void firmware_poll_close(struct firmware_poll *poll);

/* Asks for the version. Returns 0, or negative errno and leaves ret_version alone. */
int firmware_poll_version(struct firmware_poll *poll, char *ret_version, size_t size);

/* Asks, unless there is a pause; nothing is known then. */
void firmware_poll(struct firmware_poll *poll, int64_t now_ns);

#endif

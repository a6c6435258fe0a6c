/* SPDX-License-Identifier: MIT */
/*
 * A question takes well below a millisecond while the firmware is well, but the kernel waits for up
 * to a second when it is not (drivers/firmware/raspberrypi.c), and nothing here can make it wait
 * less. So the agent's loop is protected by asking seldom: one answer that took too long, or three
 * failures in a row, and the firmware is left alone for a minute.
 */
#include "collectors/firmware_poll.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"
#include "agent/sample.h"

/* Sampling is at 100 ms when it matters: one such tick may be missed, not more. */
#define SLOW_NS (100 * NS_PER_MS)
#define ATTEMPTS 3
#define PAUSE_NS (60 * NS_PER_S)

static const char *failure(int error)
{
	switch (-error) {
	case EOPNOTSUPP:
		return "it does not know the command";
	case EBADMSG:
		return "its answer has no end";
	case ETIMEDOUT:
		return "it did not answer in time";
	default:
		return procfs_strerror(error);
	}
}

/* Asks and notes whether that took too long. */
static int ask_timed(struct firmware_poll *poll, const char *command, const char **ret_answer,
		     int64_t *ret_took_ns)
{
	int64_t start_ns = env_now_ns(poll->env);
	int r = firmware_ask(&poll->ask, command, ret_answer);

	*ret_took_ns = env_now_ns(poll->env) - start_ns;
	return r;
}

/* Leaves the firmware alone for a minute. */
static void pause_asking(struct firmware_poll *poll, int64_t now_ns, const char *complaint)
{
	poll->bits_from_ns = now_ns + PAUSE_NS;
	poll->bits_failures = 0;
	complaint_raise(&poll->complaint, "firmware: %s", complaint);
}

/* Without rights somebody has to do something; without a node this is no Pi. */
static void no_node(struct firmware_poll *poll, int64_t now_ns)
{
	poll->bits_from_ns = now_ns + PAUSE_NS;
	snprintf(poll->bits_reason, sizeof(poll->bits_reason), "%s", poll->ask.reason);
	if (poll->ask.denied)
		complaint_raise(&poll->complaint, "firmware: %s", poll->ask.reason);
}

void firmware_poll_open(struct firmware_poll *poll, const struct env *env)
{
	poll->env = env;
	snprintf(poll->rails_reason, sizeof(poll->rails_reason), "not asked yet");
	firmware_ask_init(&poll->ask, env->root_fd);
	if (firmware_ask_open(&poll->ask) < 0)
		no_node(poll, env_now_ns(env));
}

void firmware_poll_close(struct firmware_poll *poll)
{
	firmware_ask_close(&poll->ask);
}

int firmware_poll_version(struct firmware_poll *poll, char *ret_version, size_t size)
{
	const char *answer;
	int r = firmware_ask(&poll->ask, "version", &answer);

	return r < 0 ? r : firmware_version_parse(answer, ret_version, size);
}

static void poll_bits(struct firmware_poll *poll, int64_t now_ns)
{
	struct firmware_facts *facts = &poll->facts;
	const char *answer;
	int64_t took_ns;
	int r = ask_timed(poll, "get_throttled", &answer, &took_ns);

	if (r == -ENODEV) {
		no_node(poll, now_ns);
		return;
	}
	if (r == 0)
		r = firmware_throttled_parse(answer, &facts->bits);
	facts->bits_known = r == 0;
	if (r < 0)
		snprintf(poll->bits_reason, sizeof(poll->bits_reason),
			 "asking the firmware failed: %s", failure(r));
	if (took_ns > SLOW_NS) {
		snprintf(poll->bits_reason, sizeof(poll->bits_reason),
			 "the firmware took %lld ms to answer; it is asked once a minute",
			 (long long)(took_ns / NS_PER_MS));
		pause_asking(poll, now_ns, "it answers slowly and is asked once a minute");
	} else if (r == 0) {
		poll->bits_failures = 0;
		complaint_clear(&poll->complaint, "firmware");
	} else if (++poll->bits_failures == ATTEMPTS) {
		pause_asking(poll, now_ns, poll->bits_reason);
	}
}

static void poll_rails(struct firmware_poll *poll, int64_t now_ns)
{
	struct firmware_facts *facts = &poll->facts;
	const char *answer;
	int64_t took_ns;
	int r = ask_timed(poll, "pmic_read_adc", &answer, &took_ns);

	if (r == 0)
		r = firmware_rails_parse(answer, &facts->rails);
	facts->rails_known = r == 0;
	poll->rails_failures = r == 0 ? 0 : poll->rails_failures + 1;
	if (r == -EOPNOTSUPP) {
		/* No other board learns it later. */
		poll->rails_from_ns = INT64_MAX;
		snprintf(poll->rails_reason, sizeof(poll->rails_reason),
			 NOT_APPLICABLE "only the power chip of a Pi 5 measures it");
		return;
	}
	if (r < 0)
		snprintf(poll->rails_reason, sizeof(poll->rails_reason),
			 "asking the firmware for voltages failed: %s", failure(r));
	if (took_ns > SLOW_NS)
		snprintf(poll->rails_reason, sizeof(poll->rails_reason),
			 "the firmware took %lld ms to measure; it is asked once a minute",
			 (long long)(took_ns / NS_PER_MS));
	if (took_ns > SLOW_NS || poll->rails_failures == ATTEMPTS) {
		poll->rails_from_ns = now_ns + PAUSE_NS;
		poll->rails_failures = 0;
	}
}

void firmware_poll(struct firmware_poll *poll, int64_t now_ns)
{
	poll->facts.bits_known = poll->facts.rails_known = false;
	if (now_ns < poll->bits_from_ns)
		return;
	if (poll->ask.fd < 0 && firmware_ask_open(&poll->ask) < 0) {
		no_node(poll, now_ns);
		return;
	}
	poll_bits(poll, now_ns);
	if (poll->facts.bits_known && now_ns >= poll->bits_from_ns && now_ns >= poll->rails_from_ns)
		poll_rails(poll, now_ns);
}

/* SPDX-License-Identifier: MIT */
/*
 * A broker of MQTT 3.1.1 with a limit on packets closes the connection when a larger one comes, and
 * says nothing. Connecting again and sending it again would go on for ever. So a message that is larger than
 * any which this broker acknowledged goes out alone: if the connection ends before its PUBACK, no
 * other can be the reason. Once may be chance; after the second time in a row with the same kind of
 * message three quarters of that size are the limit for an hour. Later one more try tells whether it still holds.
 *
 * Two clients of one name throw each other out (MQTT 3.1.1, section 3.1.4). Seen from here that is a
 * broker which is there at once each time and hangs up soon each time, with nothing unproven out.
 */
#include "notifiers/mqtt_suspect.h"

#include "agent/units.h"

/* No broker that anybody uses for such a thing takes less than that. */
#define PROVEN_LEAST 1024
#define LIMIT_NS (3600 * NS_PER_S)
/* Twice our own longest pause in the usual configuration, in which the other one is connected. */
#define SOON_NS (300 * NS_PER_S)
/* A broker that is restarted twice in five minutes, within our pauses, is possible as well. */
#define THROWN_OUT 3

bool mqtt_suspect_unproven(const struct mqtt_suspect *suspect, size_t size)
{
	return size > PROVEN_LEAST && size > suspect->proven;
}

bool mqtt_suspect_withholds(const struct mqtt_suspect *suspect, size_t size)
{
	return suspect->limit && size >= suspect->limit;
}

void mqtt_suspect_probe(struct mqtt_suspect *suspect, enum mqtt_topic topic, size_t size)
{
	suspect->probe = size;
	suspect->probe_topic = topic;
}

void mqtt_suspect_taken(struct mqtt_suspect *suspect)
{
	if (suspect->probe > suspect->proven)
		suspect->proven = suspect->probe;
	if (suspect->probe >= suspect->blamed)
		suspect->blamed = 0;
	suspect->probe = 0;
}

static void set_limit(struct mqtt_suspect *suspect, size_t size, bool told, int64_t now_ns)
{
	if (!suspect->limit || size < suspect->limit)
		suspect->limit = size;
	suspect->limit_until_ns = now_ns + LIMIT_NS;
	suspect->limit_told = told;
}

void mqtt_suspect_refused(struct mqtt_suspect *suspect, size_t size, int64_t now_ns)
{
	set_limit(suspect, size, true, now_ns);
}

/*
 * Documents differ by some bytes from sample to sample: a limit of just this size would be found anew, at the price
 * of two connections, with each that is a little smaller. What the broker is known to take stays allowed.
 */
static size_t with_margin(const struct mqtt_suspect *suspect, size_t size)
{
	size_t known = suspect->proven > PROVEN_LEAST ? suspect->proven : PROVEN_LEAST;

	size -= size / 4;
	return size > known ? size : known + 1;
}

static void infer_limit(struct mqtt_suspect *suspect, int64_t now_ns)
{
	size_t size = suspect->probe < suspect->blamed ? suspect->probe : suspect->blamed;

	set_limit(suspect, with_margin(suspect, size), false, now_ns);
}

bool mqtt_suspect_ended(struct mqtt_suspect *suspect, bool hung_up, int64_t stood_ns,
			int64_t now_ns)
{
	bool again =
		suspect->probe && suspect->blamed && suspect->blamed_topic == suspect->probe_topic;

	if (suspect->probe || !hung_up || stood_ns >= SOON_NS)
		suspect->thrown_out = 0;
	else
		suspect->thrown_out++;
	if (again)
		infer_limit(suspect, now_ns);
	if (suspect->probe) {
		suspect->blamed = suspect->probe;
		suspect->blamed_topic = suspect->probe_topic;
	}
	suspect->probe = 0;
	return again;
}

bool mqtt_suspect_began(struct mqtt_suspect *suspect)
{
	if (!suspect->limit || !suspect->limit_told)
		return false;
	suspect->limit = 0;
	return true;
}

void mqtt_suspect_excuse(struct mqtt_suspect *suspect)
{
	suspect->thrown_out = 0;
	suspect->probe = 0;
}

bool mqtt_suspect_has_double(const struct mqtt_suspect *suspect)
{
	return suspect->thrown_out >= THROWN_OUT;
}

bool mqtt_suspect_lift(struct mqtt_suspect *suspect, int64_t now_ns, bool at_once)
{
	if (!suspect->limit || (!at_once && now_ns < suspect->limit_until_ns))
		return false;
	suspect->limit = 0;
	return true;
}

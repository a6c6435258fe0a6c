/* SPDX-License-Identifier: MIT */
/*
 * Callers that say anything, in any pieces, at any time, in and out of holds. Whatever comes in: a name
 * is short and printable, the table stays bounded and consistent, a line keeps the contract, and
 * "ready" is sent only while an operator's word stands.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"
#include "notifiers/agent_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static void check(int condition)
{
	if (!condition)
		abort();
}

static uint8_t take_byte(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* Copies of the exact length, so that reading beyond one is seen. */
static enum agent_verdict take_greeting(struct input *input, char *ret_name)
{
	struct agent_greeting greeting = {.used = 0};
	enum agent_verdict verdict = AGENT_OPEN;

	for (int pieces = take_byte(input) % 4; pieces > 0 && verdict == AGENT_OPEN; pieces--) {
		size_t length = take_byte(input);

		if (length > input->size)
			length = input->size;
		char *copy = malloc(length + (length == 0));
		check(copy != NULL);
		memcpy(copy, input->data, length);
		verdict = agent_greeting_take(&greeting, copy, length, ret_name);
		check(greeting.used <= sizeof(greeting.bytes));
		free(copy);
		input->data += length;
		input->size -= length;
	}
	if (verdict == AGENT_OPEN)
		verdict = agent_greeting_end(&greeting, ret_name);
	if (verdict != AGENT_NAMED)
		return verdict;
	check(ret_name[0] != '\0' && strnlen(ret_name, AGENT_NAME_SIZE) < AGENT_NAME_SIZE);
	for (const char *c = ret_name; *c; c++)
		check(*c > ' ' && *c <= '~');
	return verdict;
}

static void check_line(struct input *input, const struct agent_tone *tone)
{
	struct decision decision = {
		.state = (enum control_state)(take_byte(input) % CONTROL_STATES)};
	char line[AGENT_LINE_SIZE];

	decision.weight_pct = (int8_t)take_byte(input);
	decision.maxconn = (int8_t)take_byte(input) * 16000000;
	decision.nominal = (int8_t)take_byte(input) * 16000000;
	decision.balancers = (int8_t)take_byte(input);
	decision.fail = take_byte(input) & 1;
	decision.maxconn_known = take_byte(input) & 1;
	decision.nominal_known = take_byte(input) & 1;
	decision.drain = tone->word == AGENT_WORD_DRAIN;
	size_t reason =
		input->size < sizeof(decision.reason) ? input->size : sizeof(decision.reason);
	memcpy(decision.reason, input->data, reason);

	size_t length = agent_check_line(&decision, tone, line);
	check(length <= 100 && strlen(line) == length && line[length - 1] == '\n');
	char *hash = memchr(line, '#', length);
	check(hash != NULL);
	for (size_t i = 0; i + 1 < length; i++)
		check(line[i] >= ' ' && line[i] <= '~');
	/* The comment may say anything. */
	*hash = '\0';
	check(!strstr(line, "maxconn:0") && !strstr(line, "maxconn:-"));
	check((strstr(line, "ready") != NULL) == (tone->word == AGENT_WORD_READY));
	check((strstr(line, "drain") != NULL) == (tone->word == AGENT_WORD_DRAIN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct agent_callers callers = {.count = 0};
	int64_t now_ns = 0;

	while (input.size > 0) {
		struct agent_call call = {.host.s6_addr[15] = take_byte(&input) % 8};
		struct agent_tone tone = {.word = AGENT_WORD_NONE};
		char name[AGENT_NAME_SIZE];
		uint8_t mode = take_byte(&input);

		if (mode & 1)
			call.host.s6_addr[10] = call.host.s6_addr[11] = 0xff;
		now_ns += (int64_t)(mode >> 4) * (mode & 8 ? 20 * NS_PER_S : NS_PER_S / 4);
		/* Some are entered long after they were answered. */
		call.stamp_ns = mode & 4 ? now_ns - NS_PER_S : now_ns;
		const char *named = take_greeting(&input, name) == AGENT_NAMED ? name : NULL;
		call.undrain = take_byte(&input) % 4;
		call.word = agent_callers_word(&callers, named, &call, mode & 2);
		call.stop_told = take_byte(&input) == 'S';
		tone.word = call.word;
		tone.dry_run = mode & 128;
		tone.stopping = call.stop_told;
		check_line(&input, &tone);
		agent_callers_enter(&callers, named, &call);

		check((call.word == AGENT_WORD_DRAIN) == ((mode & 2) != 0));
		check(call.word != AGENT_WORD_READY || call.undrain != 0);
		check(callers.count >= 1 && callers.count <= AGENT_CALLERS);
		check(agent_callers_count(&callers, now_ns) <= callers.count);
		agent_callers_stopped(&callers, now_ns);
		for (size_t i = 0; i < callers.count; i++)
			check(callers.list[i].interval_ns >= 0 &&
			      callers.list[i].readies <= AGENT_READY_ANSWERS);
	}
	return 0;
}

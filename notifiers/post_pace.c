/* SPDX-License-Identifier: MIT */
/*
 * One pace for all messages: what fails is the network, the service or the account, hardly ever one text.
 * The jitter (a quarter either way) keeps a fleet that lost its network together from coming back together.
 */
#include "notifiers/post_pace.h"

static int64_t back_off_ns(unsigned failures, uint32_t entropy)
{
	int64_t pause_ns = POST_PACE_LEAST_NS;

	for (unsigned i = 1; i < failures && pause_ns < POST_PACE_MOST_NS; i++)
		pause_ns *= 2;
	pause_ns = pause_ns / 4 * 3 + mul_div(pause_ns / 2, entropy, UINT32_MAX);
	return clamp_i64(pause_ns, POST_PACE_LEAST_NS, POST_PACE_MOST_NS);
}

void post_pace_result(struct post_pace *pace, const struct post_result *result, int64_t now_ns,
		      uint32_t entropy)
{
	int64_t pause_ns;

	switch (result->word) {
	case POST_RESULT_POSTED:
	case POST_RESULT_DUPLICATE:
	case POST_RESULT_REJECTED:
		*pace = (struct post_pace){0};
		return;
	case POST_RESULT_UNAUTHORISED:
	case POST_RESULT_NO_CREDIT:
	case POST_RESULT_UNUSABLE:
		pace->hands = true;
		pace->until_ns = now_ns + POST_PACE_OPERATOR_NS;
		return;
	case POST_RESULT_RETRY:
		break;
	}
	pace->hands = false;
	if (pace->failures < 16)
		pace->failures++;
	pause_ns = back_off_ns(pace->failures, entropy);
	if (result->unsure && pause_ns > POST_PACE_UNSURE_NS)
		pause_ns = POST_PACE_UNSURE_NS;
	if (result->retry_after_s > POST_PACE_LATER_NS / NS_PER_S)
		pause_ns = POST_PACE_LATER_NS;
	else if (result->retry_after_s > 0)
		pause_ns = result->retry_after_s * NS_PER_S;
	pace->until_ns = now_ns + pause_ns;
}

void post_pace_reset(struct post_pace *pace)
{
	*pace = (struct post_pace){0};
}

const char *post_pace_weather(const struct post_weather *weather)
{
	if (!weather->decided)
		return "nothing was decided yet";
	if (weather->failing)
		return weather->failing;
	if (weather->state == CONTROL_HARD)
		return "this machine is at the hard level";
	if (weather->headroom_known && weather->headroom_bytes < POST_PACE_HEADROOM)
		return "memory is short";
	if (!weather->clock_synced)
		return "the clock is not synchronised: enable systemd-timesyncd or chrony";
	return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * Most balancers understand the code alone, so it must not take a Pi out that merely wants less: only the
 * hard level (and an operator's hold) is a 503. With a 404 for "no new sessions, those that are there go on"
 * there are three levels; who can use it asks for it, because to all others a 404 is a failure.
 *
 * Envoy takes a host with x-envoy-degraded only when the healthy ones do not suffice. A dry run
 * may change nothing, so it never says that; what the decision would be stands in our own fields, and one
 * of them says that it does not count.
 */
#include "notifiers/http_health.h"

#include "agent/units.h"
#include "notifiers/agent_check.h"

static int choose_status(const struct decision *decision, bool soft_404)
{
	switch (decision->state) {
	case CONTROL_HARD:
		return 503;
	case CONTROL_HOLD:
		return soft_404 ? 404 : 503;
	case CONTROL_SHED:
		return soft_404 ? 404 : 200;
	case CONTROL_NORMAL:
	case CONTROL_RECOVER:
	case CONTROL_BLIND:
	case CONTROL_STATES:
		break;
	}
	return 200;
}

/* A field is one line of printable characters, whatever the reason came from. */
static void add_reason(const struct decision *decision, struct http_reply *reply)
{
	char text[DECISION_REASON_SIZE];
	size_t length = 0;

	for (; length < sizeof(text) - 1 && decision->reason[length]; length++) {
		char byte = decision->reason[length];

		text[length] = byte >= ' ' && byte <= '~' ? byte : '?';
	}
	text[length] = '\0';
	http_reply_field(reply, "X-Hostingpi-Reason", "%s", text);
}

void http_health_answer(const struct decision *decision, bool dry_run, bool soft_404,
			struct http_reply *ret_reply)
{
	const struct agent_tone tone = {
		.word = decision->drain && !dry_run ? AGENT_WORD_DRAIN : AGENT_WORD_NONE,
		.dry_run = dry_run,
	};
	char line[AGENT_LINE_SIZE];
	int status = dry_run ? 200 : choose_status(decision, soft_404);
	bool less = decision->state == CONTROL_SHED || decision->state == CONTROL_RECOVER;

	agent_check_line(decision, &tone, line);
	http_reply_text(ret_reply, status, "%s", line);
	http_reply_field(ret_reply, "X-Hostingpi-State", "%s",
			 control_state_words[decision->state]);
	http_reply_field(ret_reply, "X-Hostingpi-Weight", "%d",
			 (int)clamp_i64(decision->weight_pct, 1, 100));
	if (decision->maxconn_known)
		http_reply_field(ret_reply, "X-Hostingpi-Maxconn", "%d",
				 decision->maxconn < 1 ? 1 : decision->maxconn);
	add_reason(decision, ret_reply);
	if (dry_run)
		http_reply_field(ret_reply, "X-Hostingpi-Dry-Run", "1");
	else if (less)
		http_reply_field(ret_reply, "x-envoy-degraded", "1");
	if (status == 503)
		http_reply_field(ret_reply, "Retry-After", HTTP_RETRY_AFTER_S);
}

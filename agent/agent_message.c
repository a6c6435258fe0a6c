/* SPDX-License-Identifier: MIT */
/* An operator's message goes to whichever notifier posts; who that is is not known here. */
#include <errno.h>
#include <string.h>

#include "agent/agent_self.h"
#include "agent/sentence.h"

static const char *why_not(int error)
{
	switch (error) {
	case -ENOENT:
		return "no notifier is set up to post messages: see [post] in hostingpi.conf(5)";
	case -ENOSPC:
		return "too many messages wait already: see hostingpictl status";
	case -EPERM:
		return "nothing is posted in a dry run";
	default:
		return strerrordesc_np(-error);
	}
}

int agent_message(struct agent *agent, const char *text, char ret_id[OPERATOR_ID_SIZE],
		  char *ret_error, size_t size)
{
	const struct operator_message message = {.id = ret_id, .text = text};
	int result;

	identity_name_message(&agent->env, ret_id);
	result = dispatch_message(&agent->plant.dispatch, &message);
	return result == 0 ? 0 : sentence_fail(result, ret_error, size, "%s", why_not(result));
}

/* SPDX-License-Identifier: MIT */
/* What comes in over the control socket, handed to the parts that it is for. */
#include "agent/agent_self.h"

#include <errno.h>
#include <string.h>

#include "agent/history_render.h"
#include "agent/sentence.h"

static int write_history(const struct agent *agent, const struct control_command *command,
			 char *buffer, size_t size)
{
	const struct history_moment now = {env_now_ns(&agent->env), env_wall_ms(&agent->env)};
	size_t series;

	if (command->series[0] == '\0')
		return history_render_list(agent->history, buffer, size);
	if (!history_find(agent->history, command->series, &series))
		return -ENOENT;
	return history_render(agent->history, series, command->span, &now, buffer, size);
}

static int control_document(void *context, const struct control_command *command, char *buffer,
			    size_t size, char *ret_error, size_t error_size)
{
	const struct agent *agent = context;
	int r = -EINVAL;

	if (command->verb == VERB_STATUS)
		r = agent_status(agent, buffer, size);
	else if (command->verb == VERB_HISTORY)
		r = write_history(agent, command, buffer, size);
	else if (command->verb == VERB_EVENTS)
		r = diary_render(agent->diary, command->count, buffer, size);
	if (r == -ENOENT)
		return sentence_fail(
			r, ret_error, error_size,
			"it keeps no course of that reading; 'hostingpictl history' lists "
			"those that it keeps");
	if (r < 0)
		return sentence_fail(r, ret_error, error_size,
				     "the answer does not fit; please report this");
	return r;
}

static int control_request(void *context, const struct control_command *command)
{
	if (command->verb == VERB_HANDOVER)
		return agent_hand_over(context);
	agent_hold_request(context, command);
	return 0;
}

static int control_message(void *context, const char *text, char ret_id[OPERATOR_ID_SIZE],
			   char *ret_error, size_t size)
{
	return agent_message(context, text, ret_id, ret_error, size);
}

const struct control_ops agent_control_ops = {
	.document = control_document,
	.request = control_request,
	.message = control_message,
};

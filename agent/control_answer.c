/* SPDX-License-Identifier: MIT */
/*
 * What one line on the control socket is answered with. The core says what there is to say (struct
 * control_ops); here it becomes the one line of JSON that waits for room, and who asked for a change goes to
 * the log.
 */
#include "agent/control_self.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/json.h"
#include "agent/log.h"

/* A sentence with every byte escaped by one more and the object around it. */
#define CONTROL_ERROR_SIZE (2 * CONTROL_SENTENCE_SIZE + 16)

/* A document of this length stands in out: with its line end it is the answer. */
static void answer_end(struct control_client *client, int length)
{
	client->out_used = (size_t)length;
	client->out[client->out_used++] = '\n';
}

/* The texts are ours, printable and shorter than CONTROL_SENTENCE_SIZE: they always fit. */
void control_answer_error(struct control_client *client, const char *text)
{
	struct json json;

	json_start(&json, client->out, CONTROL_ERROR_SIZE);
	json_object(&json, NULL);
	json_text(&json, "error", text);
	json_object_end(&json);
	answer_end(client, json_finish(&json));
}

static void answer_document(struct control_client *client, const struct control_command *command)
{
	const struct control *control = client->control;
	char error[CONTROL_SENTENCE_SIZE] = "";
	int r = control->ops->document(control->context, command, client->out,
				       sizeof(client->out) - 1, error, sizeof(error));

	if (r < 0)
		control_answer_error(client, error);
	else
		answer_end(client, r);
}

/* Says who asked for a change; the name behind the number would need the name service. */
static void asked_log(const struct control_client *client, const char *verb, const char *separator,
		      const char *what)
{
	struct ucred peer = {0};
	socklen_t length = sizeof(peer);

	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		log_notice("%s asked for on the control socket%s%s", verb, separator, what);
	else
		log_notice("%s asked for by user id %u (process %d)%s%s", verb, (unsigned)peer.uid,
			   (int)peer.pid, separator, what);
}

static void answer_request(struct control_client *client, const struct control_command *command)
{
	static const char ok[] = "{\"ok\":true}";
	const struct control *control = client->control;
	char verb[48];
	int r;

	snprintf(verb, sizeof(verb), "%s", control_verb_name(command->verb));
	if (command->for_s > 0)
		snprintf(verb, sizeof(verb), "drain for %lld s", (long long)command->for_s);
	asked_log(client, verb, command->reason[0] != '\0' ? ": " : "", command->reason);
	r = control->ops->request(control->context, command);
	if (r == -EOPNOTSUPP) {
		control_answer_error(client, "systemd did not start this agent: nobody keeps its "
					     "sockets, a restart is a stop and a start");
		return;
	}
	if (r < 0) {
		control_answer_error(client, strerror(-r));
		return;
	}
	memcpy(client->out, ok, sizeof(ok));
	answer_end(client, sizeof(ok) - 1);
}

/* The text is public anyway, but who said it is of interest. */
static void answer_message(struct control_client *client, const char *text)
{
	const struct control *control = client->control;
	char id[OPERATOR_ID_SIZE], error[CONTROL_SENTENCE_SIZE] = "";
	struct json json;

	if (control->ops->message(control->context, text, id, error, sizeof(error)) < 0) {
		control_answer_error(client, error);
		return;
	}
	asked_log(client, "message", ": ", id);
	json_start(&json, client->out, CONTROL_ERROR_SIZE);
	json_object(&json, NULL);
	json_bool(&json, "ok", true);
	json_text(&json, "id", id);
	json_object_end(&json);
	answer_end(client, json_finish(&json));
}

void control_answer(struct control_client *client, const char *line, size_t length)
{
	struct control_command command;
	char error[CONTROL_SENTENCE_SIZE];

	if (control_parse(line, length, &command, error, sizeof(error)) < 0)
		control_answer_error(client, error);
	else if (command.verb == VERB_MESSAGE)
		answer_message(client, command.text);
	else if (command.verb == VERB_DRAIN || command.verb == VERB_READY ||
		 command.verb == VERB_HANDOVER)
		answer_request(client, &command);
	else
		answer_document(client, &command);
}

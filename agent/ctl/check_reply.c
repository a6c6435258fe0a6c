/* SPDX-License-Identifier: MIT */
/*
 * The decision stands in headers. The body, one line worded as for HAProxy's agent-check, says what
 * balancers are told: the same, except that with --dry-run they are told nothing, and that a server at
 * the hard level may be out altogether (fleet = mixed). No more than that line is waited for, and an answer
 * that is not an agent's is complete with its head.
 *
 * libhttp_parser hands out names and values in pieces of any size; both are put together in small
 * buffers, and what does not fit into them is none of ours.
 */
#include "agent/ctl/check_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/procfs.h"
#include "agent/sentence.h"

/* More requests at once than any machine serves. */
#define MAXCONN_MOST 1000000
#define HEADERS_SKIP_BODY 1 /* what on_headers_complete returns for that */

static bool take_number(const char *text, int64_t most, int *ret_number)
{
	const char *end;
	int64_t value;

	if (procfs_number(text, &end, &value) < 0 || *end || value < 1 || value > most)
		return false;
	*ret_number = (int)value;
	return true;
}

static bool take_state(const char *text, enum control_state *ret_state)
{
	for (unsigned state = 0; state < CONTROL_STATES; state++) {
		if (strcmp(control_state_words[state], text) == 0) {
			*ret_state = (enum control_state)state;
			return true;
		}
	}
	return false;
}

static bool take_reason(const char *text, char ret_reason[DECISION_REASON_SIZE])
{
	size_t length = strlen(text);

	if (length >= DECISION_REASON_SIZE)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	memcpy(ret_reason, text, length + 1);
	return true;
}

/* Blanks behind a value are no part of it (RFC 9110, 5.5); the parser leaves them there. */
static void trim(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		text[--length] = '\0';
}

/* A header is whole. */
static void take_header(struct check_reply *reply)
{
	struct check_answer *answer = &reply->answer;
	bool good = true;

	if (reply->field_cut || !reply->in_value)
		return;
	trim(reply->value);
	if (strcasecmp(reply->field, "X-Hostingpi-State") == 0)
		reply->has_state = good = take_state(reply->value, &answer->state);
	else if (strcasecmp(reply->field, "X-Hostingpi-Weight") == 0)
		reply->has_weight = good = take_number(reply->value, 100, &answer->weight);
	else if (strcasecmp(reply->field, "X-Hostingpi-Maxconn") == 0)
		good = take_number(reply->value, MAXCONN_MOST, &answer->maxconn);
	else if (strcasecmp(reply->field, "X-Hostingpi-Reason") == 0)
		good = take_reason(reply->value, answer->reason);
	else if (strcasecmp(reply->field, "Location") == 0)
		memcpy(reply->location, reply->value, sizeof(reply->location));
	/* What follows the part that was kept could say anything: a 5, many blanks, and a 0. */
	if (!good || (reply->value_cut && strncasecmp(reply->field, "X-Hostingpi-", 12) == 0))
		reply->malformed = true;
}

/* Appends what fits; *ret_cut tells that not everything did. */
static void append(char *text, size_t size, const char *more, size_t length, bool *ret_cut)
{
	size_t used = strlen(text);

	if (length > size - 1 - used) {
		length = size - 1 - used;
		*ret_cut = true;
	}
	memcpy(text + used, more, length);
	text[used + length] = '\0';
}

static int on_field(http_parser *parser, const char *at, size_t length)
{
	struct check_reply *reply = parser->data;

	if (reply->in_value) {
		take_header(reply);
		reply->in_value = reply->field_cut = false;
		reply->field[0] = '\0';
	}
	append(reply->field, sizeof(reply->field), at, length, &reply->field_cut);
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t length)
{
	struct check_reply *reply = parser->data;

	if (!reply->in_value) {
		reply->in_value = true;
		reply->value_cut = false;
		reply->value[0] = '\0';
	}
	append(reply->value, sizeof(reply->value), at, length, &reply->value_cut);
	return 0;
}

static void finish(struct check_reply *reply)
{
	reply->complete = true;
	http_parser_pause(&reply->parser, 1);
}

static int on_headers_complete(http_parser *parser)
{
	struct check_reply *reply = parser->data;

	take_header(reply);
	reply->answer.status = (int)parser->status_code;
	if (!reply->has_state || !reply->has_weight || reply->malformed) {
		finish(reply);
		return HEADERS_SKIP_BODY;
	}
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t length)
{
	struct check_reply *reply = parser->data;
	const char *end = memchr(at, '\n', length);
	bool full = false;

	append(reply->line, sizeof(reply->line), at, end ? (size_t)(end - at) : length, &full);
	if (end || full)
		finish(reply);
	return 0;
}

static int on_message_complete(http_parser *parser)
{
	finish(parser->data);
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void check_reply_start(struct check_reply *reply)
{
	*reply = (struct check_reply){0};
	http_parser_init(&reply->parser, HTTP_RESPONSE);
	reply->parser.data = reply;
}

int check_reply_feed(struct check_reply *reply, const char *data, size_t length)
{
	bool cut = false;

	if (length > CHECK_REPLY_MAX - reply->received)
		return -EFBIG;
	if (length > 0)
		append(reply->begin, sizeof(reply->begin), data, length, &cut);
	reply->received += length;
	http_parser_execute(&reply->parser, &settings, data, length);
	if (reply->complete)
		return CHECK_REPLY_DONE;
	if (HTTP_PARSER_ERRNO(&reply->parser) != HPE_OK)
		return length == 0 ? -ENODATA : -EPROTO;
	return length == 0 ? -ENODATA : 0;
}

/* The words before '#', as in notifiers/agent_check.c; a line that is not such a one says nothing. */
static void read_line(char *line, struct check_answer *answer)
{
	char *comment = strchr(line, '#'), *rest = NULL;
	int weight = 0;
	bool drain = false, fail = false, up = false;

	if (comment) {
		answer->dry_run = strncmp(comment, "# dry-run ", 10) == 0;
		*comment = '\0';
	}
	for (char *word = strtok_r(line, " \r", &rest); word; word = strtok_r(NULL, " \r", &rest)) {
		size_t length = strlen(word);

		up = up || strcmp(word, "up") == 0;
		fail = fail || strcmp(word, "fail") == 0;
		drain = drain || strcmp(word, "drain") == 0;
		if (word[length - 1] == '%') {
			word[length - 1] = '\0';
			if (!take_number(word, 100, &weight))
				return;
		}
	}
	if (weight == 0 || up == fail)
		return;
	answer->told_weight = weight;
	answer->drain = drain;
	answer->fail = fail;
}

/* Why it is not the answer of an agent. */
static int refuse(const struct check_reply *reply, char *ret_error, size_t size)
{
	int status = reply->answer.status;

	if (reply->has_state || reply->has_weight || reply->malformed)
		return sentence_fail(-EBADMSG, ret_error, size,
				     "an answer with status %d that no version of hostingpid known "
				     "here writes: use the same version on both sides",
				     status);
	if (reply->location[0] != '\0' && status / 100 == 3)
		return sentence_fail(-EBADMSG, ret_error, size,
				     "redirected (%d) to %.80s: not hostingpid, or a web server in "
				     "front of it that must pass /health on as it is",
				     status, reply->location);
	return sentence_fail(
		-EBADMSG, ret_error, size,
		"an HTTP server that is not hostingpid (status %d for /health): is this "
		"the port of [http]?",
		status);
}

int check_reply_get(struct check_reply *reply, struct check_answer *ret_answer, char *ret_error,
		    size_t size)
{
	struct check_answer answer = reply->answer;

	if (!reply->has_state || !reply->has_weight || reply->malformed)
		return refuse(reply, ret_error, size);
	/* 404 is the word of /health?soft=404 for "no new sessions". */
	if (answer.status != HTTP_STATUS_OK && answer.status != HTTP_STATUS_NOT_FOUND &&
	    answer.status != HTTP_STATUS_SERVICE_UNAVAILABLE)
		return refuse(reply, ret_error, size);
	answer.told_weight = answer.weight;
	answer.drain = answer.state == CONTROL_HOLD && answer.status != HTTP_STATUS_OK;
	read_line(reply->line, &answer);
	*ret_answer = answer;
	return 0;
}

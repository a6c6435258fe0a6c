/* SPDX-License-Identifier: MIT */
/*
 * The parser is paused as soon as enough is known: at the end of the message, or at the end of the
 * head of anything but 200, so that what a server sends behind that is neither waited for nor
 * parsed. The bound counts raw bytes; the body cannot be longer than those.
 */
#include "collectors/status_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int take_headers_end(http_parser *parser)
{
	struct status_answer *answer = parser->data;
	answer->status = (int)parser->status_code;
	if (answer->status != HTTP_STATUS_OK) {
		answer->done = true;
		http_parser_pause(parser, 1);
	}
	return 0;
}

static int take_body(http_parser *parser, const char *at, size_t length)
{
	struct status_answer *answer = parser->data;
	if (length > STATUS_ANSWER_MAX - answer->body_length)
		return -1;
	memcpy(answer->body + answer->body_length, at, length);
	answer->body_length += length;
	return 0;
}

static int take_message_end(http_parser *parser)
{
	struct status_answer *answer = parser->data;
	answer->done = true;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings parser_settings = {
	.on_headers_complete = take_headers_end,
	.on_body = take_body,
	.on_message_complete = take_message_end,
};

void status_answer_start(struct status_answer *answer)
{
	http_parser_init(&answer->parser, HTTP_RESPONSE);
	answer->parser.data = answer;
	answer->received = 0;
	answer->done = false;
	answer->status = 0;
	answer->body_length = 0;
}

int status_answer_feed(struct status_answer *answer, const char *data, size_t length)
{
	if (length > STATUS_ANSWER_MAX - answer->received)
		return -EFBIG;
	answer->received += length;

	http_parser_execute(&answer->parser, &parser_settings, data, length);
	if (answer->done) {
		answer->body[answer->body_length] = '\0';
		return STATUS_ANSWER_DONE;
	}
	if (length == 0)
		return -ENODATA;
	return HTTP_PARSER_ERRNO(&answer->parser) == HPE_OK ? 0 : -EPROTO;
}

const char *status_answer_library(void)
{
	static char text[48];
	unsigned long version = http_parser_version();
	if (!text[0])
		snprintf(text, sizeof(text), "http-parser %lu.%lu.%lu", version >> 16,
			 (version >> 8) & 0xff, version & 0xff);
	return text;
}

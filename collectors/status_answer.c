/* SPDX-License-Identifier: MIT */
/*
 * The parser is paused as soon as enough is known: at the end of the message, or at the end of the
 * head of anything but 200, so that what a server sends behind that is neither waited for nor
 * parsed. The bound counts raw bytes; the body cannot be longer than those.
 *
 * Interim answers (RFC 9110, 15.2) say only that the final one will follow. They have no body, so
 * each ends with its head; behind it the parser starts anew, whatever that head said about the
 * connection. 101 is final: nothing of HTTP comes after it.
 */
#include "collectors/status_answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	HEADERS_SKIP_BODY = 1, /* what on_headers_complete returns for that */
};

static bool is_interim(const struct status_answer *answer)
{
	return answer->status / 100 == 1 && answer->status != HTTP_STATUS_SWITCHING_PROTOCOLS &&
	       answer->interims < STATUS_ANSWER_INTERIMS;
}

static int take_headers_end(http_parser *parser)
{
	struct status_answer *answer = parser->data;
	answer->status = (int)parser->status_code;
	if (is_interim(answer))
		return HEADERS_SKIP_BODY;
	if (answer->status != HTTP_STATUS_OK) {
		answer->done = true;
		http_parser_pause(parser, 1);
	}
	return 0;
}

static int take_body(http_parser *parser, const char *at, size_t length)
{
	struct status_answer *answer = parser->data;
	return status_body_add(&answer->body, at, length);
}

static int take_message_end(http_parser *parser)
{
	struct status_answer *answer = parser->data;
	answer->done = !is_interim(answer);
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings parser_settings = {
	.on_headers_complete = take_headers_end,
	.on_body = take_body,
	.on_message_complete = take_message_end,
};

static void expect_head(struct status_answer *answer)
{
	http_parser_init(&answer->parser, HTTP_RESPONSE);
	answer->parser.data = answer;
}

void status_answer_start(struct status_answer *answer, enum status_protocol protocol)
{
	expect_head(answer);
	answer->protocol = protocol;
	answer->fastcgi = (struct fastcgi_answer){0};
	answer->interims = 0;
	answer->received = 0;
	answer->done = false;
	answer->status = 0;
	status_body_start(&answer->body);
}

size_t status_answer_limit(const struct status_answer *answer)
{
	return answer->body.metrics ? STATUS_METRICS_MAX : STATUS_ANSWER_MAX;
}

static int feed_http(struct status_answer *answer, const char *data, size_t length)
{
	size_t used = http_parser_execute(&answer->parser, &parser_settings, data, length);
	while (!answer->done && HTTP_PARSER_ERRNO(&answer->parser) == HPE_PAUSED) {
		answer->interims++;
		expect_head(answer);
		data += used;
		length -= used;
		/* An execution of nothing would tell the parser that the server closed. */
		if (length == 0)
			return 0;
		used = http_parser_execute(&answer->parser, &parser_settings, data, length);
	}
	if (answer->done) {
		status_body_end(&answer->body);
		return STATUS_ANSWER_DONE;
	}
	if (length == 0)
		return -ENODATA;
	switch (HTTP_PARSER_ERRNO(&answer->parser)) {
	case HPE_OK:
		return 0;
	case HPE_CB_body:
		return -EFBIG; /* a line of metrics */
	default:
		return -EPROTO;
	}
}

static int feed_fastcgi(struct status_answer *answer, const char *data, size_t length)
{
	if (length == 0)
		return -ENODATA;
	int r = fastcgi_feed(&answer->fastcgi, &answer->body, data, length);
	if (r != FASTCGI_DONE)
		return r;
	int status = fastcgi_finish(&answer->body);
	if (status < 0)
		return status;
	answer->status = status;
	return STATUS_ANSWER_DONE;
}

static int feed_console(struct status_answer *answer, const char *data, size_t length)
{
	if (length > 0)
		return status_body_add(&answer->body, data, length);
	if (answer->received == 0)
		return -ENODATA;
	answer->status = HTTP_STATUS_OK;
	status_body_end(&answer->body);
	return STATUS_ANSWER_DONE;
}

int status_answer_feed(struct status_answer *answer, const char *data, size_t length)
{
	if (length > status_answer_limit(answer) - answer->received)
		return -EFBIG;
	answer->received += length;
	switch (answer->protocol) {
	case PROTOCOL_HTTP:
		return feed_http(answer, data, length);
	case PROTOCOL_FASTCGI:
		return feed_fastcgi(answer, data, length);
	case PROTOCOL_CONSOLE:
		break;
	}
	return feed_console(answer, data, length);
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

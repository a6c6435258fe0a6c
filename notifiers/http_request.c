/* SPDX-License-Identifier: MIT */
/*
 * http_parser knows the grammar (RFC 9112); here is what it leaves open. The head is bounded by the bytes
 * that are given to the parser, so that nothing of it has to be kept but the fields that we use.
 *
 * A request with a body is answered as soon as its head is there and the connection ends with the
 * answer. So no byte of a body can ever be taken for a request, whatever its length was said to be,
 * and "Expect: 100-continue" needs no answer of its own: the final one comes at once (RFC 9110, 10.1.1).
 *
 * Escapes (%2f) are not decoded: none of our paths has one, so whoever sends one gets a 404.
 *
 * Of requests by HTTP/1.1 exactly one Host is demanded (RFC 9112, 3.2), but not a certain one. Who can
 * make a browser resolve a foreign name to this address (DNS rebinding) reads what any program that may
 * connect reads: there is nothing to change here, no cookie and no secret; and balancers, proxies and
 * people call this Pi by names that it does not know.
 */
#include "notifiers/http_request.h"

#include <ctype.h>
#include <string.h>

void http_request_start(struct http_request *request)
{
	http_parser_init(&request->parser, HTTP_REQUEST);
	request->parser.data = request;
	request->status = 0;
	request->head = request->keep_alive = request->old = request->body = false;
	request->path = request->query = (struct http_text){"", 0};
	request->agent[0] = request->accept[0] = '\0';
	request->complete = request->in_value = request->target_long = false;
	request->expect_other = false;
	request->hosts = 0;
	request->field = HTTP_FIELD_OTHER;
	request->head_bytes = request->target_length = request->field_length = 0;
	request->agent_length = request->accept_length = request->expect_length = 0;
}

static int take_target(http_parser *parser, const char *at, size_t length)
{
	struct http_request *request = parser->data;

	if (length > sizeof(request->target) - request->target_length) {
		request->target_long = true;
		return 0;
	}
	memcpy(request->target + request->target_length, at, length);
	request->target_length += length;
	return 0;
}

static int take_field(http_parser *parser, const char *at, size_t length)
{
	struct http_request *request = parser->data;

	if (request->in_value)
		request->field_length = 0;
	request->in_value = false;
	/* The parser, as Debian builds it, lets it pass; RFC 9112, 5.1, does not. */
	if (memchr(at, ' ', length))
		return -1;
	for (size_t i = 0; i < length && request->field_length < HTTP_FIELD_SIZE; i++)
		request->field_name[request->field_length++] = (char)tolower((unsigned char)at[i]);
	return 0;
}

static enum http_field find_field(const struct http_request *request)
{
	static const struct {
		const char *name;
		enum http_field field;
	} fields[] = {
		{"host", HTTP_FIELD_HOST},
		{"user-agent", HTTP_FIELD_AGENT},
		{"accept", HTTP_FIELD_ACCEPT},
		{"expect", HTTP_FIELD_EXPECT},
	};
	const struct http_text name = {request->field_name, request->field_length};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (http_text_is(&name, fields[i].name))
			return fields[i].field;
	}
	return HTTP_FIELD_OTHER;
}

/* The first line of a second User-Agent goes on where the first one ended: it is only a name. */
static void take_agent(struct http_request *request, const char *at, size_t length)
{
	for (size_t i = 0; i < length && request->agent_length < HTTP_AGENT_SIZE - 1; i++)
		request->agent[request->agent_length++] =
			at[i] >= ' ' && at[i] <= '~' ? at[i] : '?';
	request->agent[request->agent_length] = '\0';
}

static void take_accept(struct http_request *request, const char *at, size_t length)
{
	size_t room = HTTP_ACCEPT_SIZE - 1 - request->accept_length;
	size_t take = length < room ? length : room;

	memcpy(request->accept + request->accept_length, at, take);
	request->accept_length += take;
	request->accept[request->accept_length] = '\0';
}

static void take_expect(struct http_request *request, const char *at, size_t length)
{
	static const char word[] = "100-continue";

	for (size_t i = 0; i < length; i++, request->expect_length++) {
		if (request->expect_length >= sizeof(word) - 1 ||
		    tolower((unsigned char)at[i]) != word[request->expect_length])
			request->expect_other = true;
	}
}

static int take_value(http_parser *parser, const char *at, size_t length)
{
	struct http_request *request = parser->data;

	if (!request->in_value) {
		request->field = find_field(request);
		request->hosts += request->field == HTTP_FIELD_HOST;
		/* Lists in several lines are one list (RFC 9110, 5.3). */
		if (request->field == HTTP_FIELD_ACCEPT && request->accept_length > 0)
			take_accept(request, ",", 1);
	}
	request->in_value = true;
	if (request->field == HTTP_FIELD_AGENT)
		take_agent(request, at, length);
	else if (request->field == HTTP_FIELD_ACCEPT)
		take_accept(request, at, length);
	else if (request->field == HTTP_FIELD_EXPECT)
		take_expect(request, at, length);
	return 0;
}

static int take_head_end(http_parser *parser)
{
	struct http_request *request = parser->data;
	bool length_known = parser->content_length != UINT64_MAX;

	/* Also a coding that is not "chunked": where such a body ends nobody knows (RFC 9112, 6.3). */
	request->body =
		parser->uses_transfer_encoding || (length_known && parser->content_length > 0);
	if (length_known && parser->content_length > HTTP_BODY_SIZE)
		request->status = 413;
	return 1; /* no body, as far as the parser is concerned: the request ends here */
}

static int take_end(http_parser *parser)
{
	struct http_request *request = parser->data;

	request->complete = true;
	request->keep_alive = !request->body && http_should_keep_alive(parser);
	/* What comes behind it is not looked at. */
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings parser_settings = {
	.on_url = take_target,
	.on_header_field = take_field,
	.on_header_value = take_value,
	.on_headers_complete = take_head_end,
	.on_message_complete = take_end,
};

/* Path and query of "/path?query", of "http://host/path?query" and of "*". False: it is none of them. */
static bool split_target(struct http_request *request)
{
	struct http_parser_url parts;

	http_parser_url_init(&parts);
	request->path = (struct http_text){request->target, request->target_length};
	if (http_text_is(&request->path, "*"))
		return true;
	if (http_parser_parse_url(request->target, request->target_length, 0, &parts) != 0)
		return false;
	request->path = (struct http_text){"/", 1};
	if (parts.field_set & (1 << UF_PATH))
		request->path = (struct http_text){request->target + parts.field_data[UF_PATH].off,
						   parts.field_data[UF_PATH].len};
	if (parts.field_set & (1 << UF_QUERY))
		request->query =
			(struct http_text){request->target + parts.field_data[UF_QUERY].off,
					   parts.field_data[UF_QUERY].len};
	return true;
}

static int judge(struct http_request *request)
{
	const http_parser *parser = &request->parser;

	request->old = parser->http_minor == 0;
	request->head = parser->method == HTTP_HEAD;
	if (parser->http_major != 1)
		return 505;
	if (request->hosts > 1 || (request->hosts == 0 && !request->old))
		return 400;
	if (request->target_long)
		return 414;
	if (parser->method != HTTP_GET && parser->method != HTTP_HEAD)
		return 405;
	if (!split_target(request))
		return 400;
	if (request->expect_other)
		return 417;
	return request->status;
}

void http_request_refuse(struct http_request *request, int status)
{
	request->status = status;
	request->keep_alive = false;
}

static int find_refusal(const http_parser *parser)
{
	return HTTP_PARSER_ERRNO(parser) == HPE_INVALID_VERSION ? 505 : 400;
}

enum http_progress http_request_take(struct http_request *request, const char *bytes, size_t length,
				     size_t *ret_used)
{
	size_t room = HTTP_HEAD_SIZE - request->head_bytes, take = length < room ? length : room;
	/* Without bytes it would take this for the end of the connection. */
	size_t used =
		take > 0 ? http_parser_execute(&request->parser, &parser_settings, bytes, take) : 0;

	*ret_used = used;
	request->head_bytes += used;
	if (request->complete) {
		request->status = judge(request);
		return HTTP_COMPLETE;
	}
	if (HTTP_PARSER_ERRNO(&request->parser) != HPE_OK) {
		http_request_refuse(request, find_refusal(&request->parser));
		return HTTP_COMPLETE;
	}
	if (take < length) {
		http_request_refuse(request, 431);
		return HTTP_COMPLETE;
	}
	return HTTP_OPEN;
}

bool http_text_is(const struct http_text *text, const char *word)
{
	return text->length == strlen(word) && memcmp(text->bytes, word, text->length) == 0;
}

bool http_request_query(const struct http_request *request, const char *key,
			struct http_text *ret_value)
{
	const char *at = request->query.bytes, *end = at + request->query.length;

	while (at < end) {
		const char *ampersand = memchr(at, '&', (size_t)(end - at));
		const char *stop = ampersand ? ampersand : end;
		const char *equals = memchr(at, '=', (size_t)(stop - at));
		const struct http_text name = {at, (size_t)((equals ? equals : stop) - at)};

		if (http_text_is(&name, key)) {
			const char *value = equals ? equals + 1 : stop;

			*ret_value = (struct http_text){value, (size_t)(stop - value)};
			return true;
		}
		at = stop + 1;
	}
	return false;
}

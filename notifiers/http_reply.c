/* SPDX-License-Identifier: MIT */
/*
 * Nothing here may be kept by a cache, guessed at by a browser or framed by a foreign page, so that is said with
 * each answer. Date is left out: a Pi has no clock that would be right without the network, and
 * a server without clock must not send one (RFC 9110, 6.6.1).
 */
#include "notifiers/http_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct http_reply_code http_reply_codes[HTTP_REPLY_CODES] = {
	{200, "OK"},
	{400, "Bad Request"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{417, "Expectation Failed"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

size_t http_reply_code(int status)
{
	size_t i = 0;

	while (i < HTTP_REPLY_CODES - 1 && http_reply_codes[i].status < status)
		i++;
	return i;
}

__attribute__((format(printf, 2, 0))) static void write_text(struct http_reply *reply,
							     const char *format, va_list values)
{
	int length = vsnprintf(reply->small, sizeof(reply->small), format, values);

	reply->body = reply->small;
	reply->length =
		(size_t)length < sizeof(reply->small) ? (size_t)length : sizeof(reply->small) - 1;
}

void http_reply_text(struct http_reply *ret_reply, int status, const char *format, ...)
{
	va_list values;

	ret_reply->status = status;
	ret_reply->content_type = HTTP_PLAIN;
	ret_reply->policy = NULL;
	ret_reply->fields[0] = '\0';
	va_start(values, format);
	write_text(ret_reply, format, values);
	va_end(values);
}

static const char *explain(int status)
{
	switch (status) {
	case 404:
		return "there is /, /health, /status.json and /metrics";
	case 405:
		return "GET and HEAD are all there is";
	case 413:
		return "a body of at most 64 KiB is thrown away, this one is longer";
	case 414:
		return "a path and its query have at most 256 bytes";
	case 417:
		return "100-continue is the only expectation that can be met";
	case 431:
		return "the head of a request has at most 4096 bytes";
	case 503:
		return "busy with others, come back in a few seconds";
	case 505:
		return "HTTP/1.1 and HTTP/1.0 are spoken here";
	default:
		return "this is no request by HTTP/1.1 with one Host, nor by HTTP/1.0";
	}
}

void http_reply_refusal(struct http_reply *ret_reply, int status)
{
	http_reply_text(ret_reply, status, "%s\n", explain(status));
	if (status == 405)
		http_reply_field(ret_reply, "Allow", "GET, HEAD");
	if (status == 503)
		http_reply_field(ret_reply, "Retry-After", HTTP_RETRY_AFTER_S);
}

void http_reply_field(struct http_reply *reply, const char *name, const char *format, ...)
{
	size_t used = strlen(reply->fields), room = sizeof(reply->fields) - used;
	char value[128];
	va_list values;

	va_start(values, format);
	vsnprintf(value, sizeof(value), format, values);
	va_end(values);
	/* The sizes are such that all fit; half a field would spoil the rest. */
	if ((size_t)snprintf(reply->fields + used, room, "%s: %s\r\n", name, value) >= room)
		reply->fields[used] = '\0';
}

/* Of HTTP/1.1 "keep-alive" is the default and "close" must be told, of HTTP/1.0 it is the other way. */
static const char *write_connection(const struct http_request *request)
{
	if (!request->keep_alive)
		return "Connection: close\r\n";
	return request->old ? "Connection: keep-alive\r\n" : "";
}

size_t http_reply_head(const struct http_reply *reply, const struct http_request *request,
		       char ret_head[HTTP_REPLY_HEAD_SIZE])
{
	static const char nothing[] = "default-src 'none'; frame-ancestors 'none'";
	const struct http_reply_code *code = &http_reply_codes[http_reply_code(reply->status)];
	int length = snprintf(ret_head, HTTP_REPLY_HEAD_SIZE,
			      "HTTP/1.1 %d %s\r\n"
			      "Content-Type: %s\r\n"
			      "Content-Length: %zu\r\n"
			      "Cache-Control: no-store\r\n"
			      "X-Content-Type-Options: nosniff\r\n"
			      "Referrer-Policy: no-referrer\r\n"
			      "Content-Security-Policy: %s\r\n"
			      "%s%s\r\n",
			      code->status, code->phrase, reply->content_type, reply->length,
			      reply->policy ? reply->policy : nothing, reply->fields,
			      write_connection(request));

	return (size_t)length;
}

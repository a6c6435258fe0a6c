/* SPDX-License-Identifier: MIT */
/*
 * Everything is in records: 8 bytes of head, content, padding. The request is BEGIN, PARAMS with all
 * variables, and the empty PARAMS and STDIN that end the two streams. The answer's STDOUT is a CGI
 * answer; STDERR repeats what the server logs, and is passed over. Heads may be split anywhere.
 */
#include "collectors/status_fastcgi.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "agent/procfs.h"

enum {
	VERSION = 1,
	REQUEST_ID = 1,
	ROLE_RESPONDER = 1,

	BEGIN_REQUEST = 1,
	END_REQUEST = 3,
	PARAMS = 4,
	STDIN = 5,
	STDOUT = 6,
	STDERR = 7,

	REQUEST_COMPLETE = 0, /* the fifth byte of END_REQUEST */
};

/* The longest name or value whose length is one byte. */
#define SHORT_MAX 127

struct writer {
	char *buffer;
	size_t size, length;
	bool full;
};

static void write_bytes(struct writer *writer, const void *data, size_t length)
{
	if (length > writer->size - writer->length) {
		writer->full = true;
		return;
	}
	memcpy(writer->buffer + writer->length, data, length);
	writer->length += length;
}

static void write_head(struct writer *writer, unsigned type, size_t content)
{
	const unsigned char head[FASTCGI_HEAD] = {
		VERSION,    (unsigned char)type,	   0,
		REQUEST_ID, (unsigned char)(content >> 8), (unsigned char)content};
	write_bytes(writer, head, sizeof(head));
}

static void write_variable(struct writer *writer, const char *name, const char *value,
			   size_t length)
{
	const unsigned char lengths[2] = {(unsigned char)strlen(name), (unsigned char)length};
	writer->full = writer->full || length > SHORT_MAX;
	write_bytes(writer, lengths, sizeof(lengths));
	write_bytes(writer, name, strlen(name));
	write_bytes(writer, value, length);
}

int fastcgi_request(char *buffer, size_t size, const char *path)
{
	static const unsigned char begin[FASTCGI_HEAD] = {0, ROLE_RESPONDER}; /* flags: close */
	struct writer writer = {.buffer = buffer, .size = size};
	size_t script = strcspn(path, "?");
	const char *query = path + script + (path[script] == '?');

	write_head(&writer, BEGIN_REQUEST, sizeof(begin));
	write_bytes(&writer, begin, sizeof(begin));
	size_t params = writer.length;
	write_head(&writer, PARAMS, 0);
	/* PHP-FPM knows its status page by SCRIPT_NAME, but looks at it only with a file name. */
	write_variable(&writer, "SCRIPT_NAME", path, script);
	write_variable(&writer, "SCRIPT_FILENAME", path, script);
	write_variable(&writer, "QUERY_STRING", query, strlen(query));
	write_variable(&writer, "REQUEST_METHOD", "GET", 3);
	size_t end = writer.length;
	if (!writer.full) {
		writer.length = params;
		write_head(&writer, PARAMS, end - params - FASTCGI_HEAD);
		writer.length = end;
	}
	write_head(&writer, PARAMS, 0);
	write_head(&writer, STDIN, 0);
	return writer.full ? -ENAMETOOLONG : (int)writer.length;
}

/* Looks at a head that is complete. */
static int begin_record(struct fastcgi_answer *answer)
{
	const unsigned char *head = answer->head;
	if (head[0] != VERSION || head[2] != 0 || head[3] != REQUEST_ID)
		return -EPROTO;
	answer->content = (size_t)head[4] << 8 | head[5];
	answer->padding = head[6];
	if (head[1] == END_REQUEST)
		return answer->content == FASTCGI_HEAD ? 0 : -EPROTO;
	return head[1] == STDOUT || head[1] == STDERR ? 0 : -EPROTO;
}

/* Takes a piece of the content. */
static int take_content(struct fastcgi_answer *answer, struct status_body *body, const char *data,
			size_t length)
{
	answer->content -= length;
	if (answer->head[1] == STDOUT)
		return status_body_add(body, data, length);
	if (answer->head[1] == END_REQUEST) {
		memcpy(answer->end + answer->end_length, data, length);
		answer->end_length += length;
	}
	return 0;
}

int fastcgi_feed(struct fastcgi_answer *answer, struct status_body *body, const char *data,
		 size_t length)
{
	while (length > 0) {
		size_t piece = 1;
		int r = 0;
		if (answer->head_length < FASTCGI_HEAD) {
			answer->head[answer->head_length++] = (unsigned char)*data;
			if (answer->head_length == FASTCGI_HEAD)
				r = begin_record(answer);
		} else if (answer->content > 0) {
			piece = length < answer->content ? length : answer->content;
			r = take_content(answer, body, data, piece);
		} else {
			piece = length < answer->padding ? length : answer->padding;
			answer->padding -= piece;
		}
		if (r < 0)
			return r;
		if (answer->end_length == FASTCGI_HEAD)
			return answer->end[4] == REQUEST_COMPLETE ? FASTCGI_DONE : -EPROTO;
		if (answer->head_length == FASTCGI_HEAD && answer->content == 0 &&
		    answer->padding == 0)
			answer->head_length = 0;
		data += piece;
		length -= piece;
	}
	return 0;
}

/* "Status: 404 Not Found" among the lines of a head; 200 without one. */
static int head_status(const char *head, const char *end)
{
	static const char key[] = "Status:";
	for (const char *line = head; line && line < end;
	     line = memchr(line, '\n', (size_t)(end - line))) {
		line += *line == '\n';
		if ((size_t)(end - line) < strlen(key) || strncasecmp(line, key, strlen(key)) != 0)
			continue;
		int64_t status;
		const char *at = line + strlen(key);
		if (procfs_number(at + strspn(at, " \t"), &at, &status) < 0 || status < 100 ||
		    status > 999)
			return -EPROTO;
		return (int)status;
	}
	return 200;
}

int fastcgi_finish(struct status_body *body)
{
	status_body_end(body);
	char *end = memmem(body->text, body->length, "\r\n\r\n", 4);
	size_t gap = 4;
	if (!end) {
		end = memmem(body->text, body->length, "\n\n", 2);
		gap = 2;
	}
	if (!end)
		return -EPROTO;
	int status = head_status(body->text, end + 1);
	body->length -= (size_t)(end - body->text) + gap;
	memmove(body->text, end + gap, body->length);
	status_body_end(body);
	return status;
}

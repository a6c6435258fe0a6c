/* SPDX-License-Identifier: MIT */
/*
 * One line is one request, whatever stands in it; only the status is looked for.
 *
 * In the common and the combined format that is the number behind the quoted request. What a client
 * sent cannot forge it: inside quotes Apache and lighttpd write a quote as \" and nginx writes \x22,
 * and whatever else a client chose (referer, name of its program) stands behind the status. Apache
 * writes an empty user name as "", so the first string in quotes need not be the request.
 *
 * Lines of our own search for a status page are left out, where the format has the name of the program.
 * Whoever takes this name on himself is not counted, which gains him nothing.
 *
 * JSON is what Caddy writes and what nginx and Apache are often told to write. The field counts at
 * the top level only: headers of the request have objects of their own.
 */
#include "collectors/access_log_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "collectors/status_page.h"

/* Behind the quote that ends a string; at is inside the string. NULL if there is none. */
static const char *string_end(const char *at, const char *end)
{
	while (at < end) {
		char c = *at++;
		if (c == '"')
			return at;
		if (c == '\\' && at < end)
			at++;
	}
	return NULL;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of exactly three digits (nginx writes 000 where it sent nothing), or -EINVAL. */
static int status_at(const char *at, const char *end)
{
	if (end - at < 3 || !is_digit(at[0]) || !is_digit(at[1]) || !is_digit(at[2]))
		return -EINVAL;
	if (end - at > 3 && is_digit(at[3]))
		return -EINVAL;
	return (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
}

static int status_of_text(const char *at, const char *end)
{
	while ((at = memchr(at, '"', (size_t)(end - at)))) {
		at = string_end(at + 1, end);
		if (!at)
			break;
		if (at == end || *at != ' ')
			continue;
		int status = status_at(at + 1, end);
		if (status >= 0 && (end - at == 4 || at[4] == ' '))
			return status;
	}
	return -EINVAL;
}

/* The value behind a key; a number, or a number in quotes. */
static int status_of_field(const char *at, const char *end)
{
	at = skip_blanks(at, end);
	if (at == end || *at != ':')
		return -EINVAL;
	at = skip_blanks(at + 1, end);
	if (at < end && *at == '"')
		at++;
	return status_at(at, end);
}

static int status_of_json(const char *at, const char *end)
{
	static const char key[] = "status\"";
	int depth = 0;

	while (at < end) {
		char c = *at++;
		if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			depth--;
		} else if (c == '"') {
			const char *start = at;
			at = string_end(at, end);
			if (!at)
				break;
			if (depth != 1 || at - start != sizeof(key) - 1 ||
			    memcmp(start, key, sizeof(key) - 1) != 0)
				continue;
			int status = status_of_field(at, end);
			if (status >= 0)
				return status;
		}
	}
	return -EINVAL;
}

int access_log_status(const char *line, size_t length)
{
	const char *end = line + length;
	if (length > 0 && line[0] == '{')
		return status_of_json(line, end);
	return status_of_text(line, end);
}

void access_log_count_line(struct access_log_tally *tally, const char *line, size_t length)
{
	static const char us[] = "\"" STATUS_USER_AGENT "\"";
	if (memmem(line, length, us, sizeof(us) - 1))
		return;
	int status = access_log_status(line, length);
	tally->requests++;
	tally->errors_5xx += status >= 500 && status <= 599;
	tally->unparsed += status < 0;
}

size_t access_log_count(struct access_log_tally *tally, const char *text, size_t length)
{
	size_t used = 0;
	const char *end;
	while ((end = memchr(text + used, '\n', length - used))) {
		access_log_count_line(tally, text + used, (size_t)(end - text) - used);
		used = (size_t)(end - text) + 1;
	}
	return used;
}

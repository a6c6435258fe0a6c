/* SPDX-License-Identifier: MIT */
/*
 * inih splits lines into keys and values, but it leaves four things to its callers, and all four
 * happen in our reader, which stands between the file and inih: it counts lines (the handler of
 * Debian's inih is not told), refuses what inih would silently cut, split or join (long lines, NUL
 * bytes, indented lines that it takes for continuations), tells every line that is neither section
 * nor setting (inih only remembers the first), and sees sections that have no keys. What the reader
 * refuses reaches inih as an empty line, so that one mistake is one message.
 */
#include "agent/conf.h"

#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/conf_hint.h"

/* Rows of all sections together: bookkeeping of what was set in this file, one line number each. */
#define ROWS_MAX 256

struct reader {
	const char *name; /* of the file, for messages */
	const char *next, *end;
	unsigned line;		/* the one that inih works on */
	bool in_section;	/* a section line was seen */
	const char *section;	/* where we are; NULL: none, or an unknown one */
	unsigned set[ROWS_MAX]; /* line in which a row was set in this file; 0: not yet */
	const struct conf_section *sections;
	int errors;
	conf_error_fn *fn; /* NULL: nobody wants to know */
	void *context;
};

static void freep(char **text)
{
	free(*text);
}

/* Tells one error; line 0: it is about the file as a whole. */
__attribute__((format(printf, 3, 4))) static void tell(struct reader *reader, unsigned line,
						       const char *format, ...)
{
	__attribute__((cleanup(freep))) char *what = NULL, *message = NULL;
	va_list args;
	int length;

	reader->errors++;
	if (!reader->fn)
		return;
	va_start(args, format);
	length = vasprintf(&what, format, args);
	va_end(args);
	if (length < 0)
		what = NULL;
	if (line > 0)
		length = asprintf(&message, "%s:%u: %s", reader->name, line, what ? what : "");
	else
		length = asprintf(&message, "%s: %s", reader->name, what ? what : "");
	if (length < 0)
		message = NULL;
	reader->fn(reader->context, message ? message : "not enough memory to tell an error");
}

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\t';
}

/* Follows a "[section]" line. Returns true if it is sound. */
static bool enter_section(struct reader *reader, const char *text, size_t length)
{
	const char *close = memchr(text, ']', length), *rest;
	__attribute__((cleanup(freep))) char *name = NULL, *hint = NULL;
	bool others = false;

	reader->in_section = true;
	reader->section = NULL;
	if (!close) {
		tell(reader, reader->line, "'%.*s' has no ']': must be [SECTION]", (int)length,
		     text);
		return false;
	}
	name = strndup(text + 1, (size_t)(close - text - 1));
	for (const struct conf_section *s = reader->sections; name && s->name; s++) {
		if (strcmp(s->name, CONF_OTHERS) == 0)
			others = true;
		else if (strcmp(s->name, name) == 0)
			reader->section = s->name;
	}
	if (!reader->section && !others) {
		hint = conf_hint_section(reader->sections, name ? name : "");
		tell(reader, reader->line, "unknown section [%s]; %s", name ? name : "",
		     hint ? hint : "");
		return false;
	}
	rest = close + 1;
	while (rest < text + length && is_blank(*rest))
		rest++;
	if (rest < text + length && *rest != ';' && *rest != '#') {
		tell(reader, reader->line,
		     "'%.*s' stands behind [%s]: a setting needs its own line",
		     (int)(text + length - rest), rest, name);
		return false;
	}
	return true;
}

/* "listen :9777" has no separator, though inih would take the ':' of the address for one. */
static bool is_address(const char *text, size_t length, size_t i)
{
	return text[i] == ':' && i > 0 && is_blank(text[i - 1]) && i + 1 < length &&
	       !is_blank(text[i + 1]);
}

/* A setting has a key and a separator, by the rules that inih will apply to it. */
static bool check_setting(struct reader *reader, const char *text, size_t length)
{
	size_t i = 0;

	while (i < length && text[i] != '=' && text[i] != ':' &&
	       !(text[i] == ';' && is_blank(text[i - 1])))
		i++;
	if (i == length || text[i] == ';' || is_address(text, length, i)) {
		tell(reader, reader->line, "'%.*s' must be KEY = VALUE, [SECTION] or a comment",
		     (int)length, text);
		return false;
	}
	if (i == 0) {
		tell(reader, reader->line, "'%.*s' has no key: must be KEY = VALUE", (int)length,
		     text);
		return false;
	}
	return true;
}

/* Bytes of the UTF-8 character at text (RFC 3629, section 4); 0 if it is none. */
static size_t character_size(const char *text, size_t room)
{
	unsigned char lead = (unsigned char)text[0], second = room > 1 ? (unsigned char)text[1] : 0;
	size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	bool wrong = (lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || size > room ||
		     (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
		     (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);

	for (size_t i = 1; i < size && !wrong; i++)
		wrong = ((unsigned char)text[i] & 0xc0) != 0x80;
	return wrong ? 0 : size;
}

/* Settings go into JSON, MQTT topics and terminals, which all take text only. */
static bool check_characters(struct reader *reader, const char *text, size_t length)
{
	size_t size;

	for (size_t i = 0; i < length; i += size) {
		unsigned char letter = (unsigned char)text[i];

		size = character_size(text + i, length - i);
		if (size > 0 && letter != 0x7f && (letter >= ' ' || letter == '\t'))
			continue;
		tell(reader, reader->line, "has the byte 0x%02x: must be plain text in UTF-8",
		     letter);
		return false;
	}
	return true;
}

/*
 * Looks at a line without the blanks around it. Returns true if inih shall see it; room is what inih
 * takes without splitting the line.
 */
static bool check_line(struct reader *reader, const char *text, size_t length, size_t room)
{
	if (!check_characters(reader, text, length))
		return false;
	if (length == 0 || *text == '#' || *text == ';')
		return false;
	if (length > room) {
		tell(reader, reader->line, "is %zu bytes long: must be at most %zu", length, room);
		return false;
	}
	return *text == '[' ? enter_section(reader, text, length)
			    : check_setting(reader, text, length);
}

/* The reader of inih, in the manner of fgets(): one line each, always whole. */
static char *read_line(char *line, int size, void *stream)
{
	static const char BOM[3] = "\xef\xbb\xbf";
	struct reader *reader = stream;
	const char *start = reader->next, *end;

	if (start == reader->end)
		return NULL;
	end = memchr(start, '\n', (size_t)(reader->end - start));
	reader->next = end ? end + 1 : reader->end;
	end = end ? end : reader->end;
	reader->line++;
	if (reader->line == 1 && end - start >= 3 && memcmp(start, BOM, sizeof(BOM)) == 0)
		start += sizeof(BOM);
	if (end > start && end[-1] == '\r')
		end--;
	while (end > start && is_blank(end[-1]))
		end--;
	/* inih takes an indented line for the continuation of the setting above it. */
	while (end > start && is_blank(*start))
		start++;
	/* Two bytes less than its buffer: inih reads on after a line that fills it. */
	if (!check_line(reader, start, (size_t)(end - start), (size_t)size - 2))
		end = start;
	memcpy(line, start, (size_t)(end - start));
	strcpy(line + (end - start), "\n");
	return line;
}

/* Finds the row of a key in the current section and its place among all rows. */
static const struct conf_item *find_row(const struct reader *reader, const char *key,
					void **ret_target, size_t *ret_place)
{
	size_t place = 0;

	for (const struct conf_section *s = reader->sections; s->name; s++)
		for (const struct conf_item *item = s->items; item && item->key; item++, place++)
			if (strcmp(s->name, reader->section) == 0 && strcmp(item->key, key) == 0) {
				*ret_target = s->target;
				*ret_place = place;
				return item;
			}
	return NULL;
}

/* The handler of inih. Its own idea of the section is cut at 49 bytes: ours counts. */
static int take_setting(void *context, const char *section, const char *key, const char *value)
{
	struct reader *reader = context;
	const struct conf_item *item;
	char error[CONF_ERROR_SIZE];
	void *target;
	size_t place;

	(void)section;
	if (!reader->section) {
		if (!reader->in_section)
			tell(reader, reader->line, "'%s' stands before the first [SECTION]", key);
		return 1;
	}
	item = find_row(reader, key, &target, &place);
	if (!item) {
		__attribute__((cleanup(freep))) char *hint =
			conf_hint_key(reader->sections, reader->section, key);

		tell(reader, reader->line, "[%s] %s: unknown key; %s", reader->section, key,
		     hint ? hint : "");
		return 1;
	}
	if (place >= ROWS_MAX)
		abort();
	if (reader->set[place]) {
		tell(reader, reader->line, "[%s] %s: is already set in line %u", reader->section,
		     key, reader->set[place]);
		return 1;
	}
	reader->set[place] = reader->line;
	/* Only a text may contain " #" (a hashtag); elsewhere it is a comment that inih does not know. */
	if (item->type != CONF_TEXT && (strstr(value, " #") || strstr(value, "\t#")))
		tell(reader, reader->line,
		     "[%s] %s = %s: a comment behind a value must start with ' ;'", reader->section,
		     key, value);
	else if (conf_value(item, value, target, error, sizeof(error)) < 0)
		tell(reader, reader->line, "[%s] %s = %s: %s", reader->section, key, value, error);
	return 1;
}

int conf_parse(const char *name, const char *text, size_t length,
	       const struct conf_section *sections, conf_error_fn *fn, void *context)
{
	struct reader reader = {
		.name = name,
		.next = text,
		.end = text + length,
		.sections = sections,
		.fn = fn,
		.context = context,
	};
	int error = ini_parse_stream(read_line, &reader, take_setting, &reader);

	/* Nothing that passes our reader is unsound for inih; should that change, it must be heard. */
	if (error != 0 && reader.errors == 0)
		tell(&reader, error > 0 ? (unsigned)error : 0, "cannot be parsed");
	return reader.errors;
}

struct search {
	struct reader reader;
	const char *key;
	unsigned line;
};

/* A handler of inih. */
static int look_at_setting(void *context, const char *section, const char *key, const char *value)
{
	struct search *search = context;

	(void)section;
	(void)value;
	if (search->reader.section && strcmp(key, search->key) == 0)
		search->line = search->reader.line;
	return 1;
}

unsigned conf_line_of(const char *text, size_t length, const char *section, const char *key)
{
	const struct conf_section sections[] = {{.name = section}, {.name = CONF_OTHERS}, {0}};
	struct search search = {
		.reader = {.next = text, .end = text + length, .sections = sections},
		.key = key,
	};

	ini_parse_stream(read_line, &search.reader, look_at_setting, &search);
	return search.line;
}

/* SPDX-License-Identifier: MIT */
/*
 * Configuration: INI files read with inih, settings as typed rows that the modules own. Every key
 * has a default, written in the row as text and parsed by the same code as the file. All errors are
 * collected with file and line, not only the first.
 */
#ifndef HOSTINGPI_CONF_H
#define HOSTINGPI_CONF_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_TEXT,     /* char[size]; min 1: must not be empty */
	CONF_NAME,     /* char[size]; letters, digits, '-' and '_' only */
	CONF_PATH,     /* char[size]; empty or absolute */
	CONF_FILE,     /* the same; or the name of a credential, whose path is then the value */
	CONF_INT,      /* int64_t, min..max */
	CONF_BOOL,     /* bool: yes/no, on/off, true/false, 1/0 */
	CONF_WORD,     /* int: index into words */
	CONF_DURATION, /* int64_t nanoseconds, min..max in nanoseconds; units ms s m h d */
	CONF_SIZE,     /* int64_t bytes, min..max; units K M G (powers of 1024), none: bytes */
	CONF_PERCENT,  /* int64_t whole percent, min..max, "20%" */
	CONF_SHARE,    /* struct conf_share: "20%", min..max (0: 0..100), or a size */
	CONF_LISTEN,   /* struct addr_list (agent/addr.h): "[::1]:9777, unix:/path"; empty: none */
	CONF_ALLOW,    /* struct addr_allow (agent/addr.h): "::1, 192.0.2.0/24"; empty: everybody */
};

/* A part of something, or an absolute size. */
struct conf_share {
	bool relative;
	int64_t value; /* relative: percent; otherwise bytes */
};

struct conf_item {
	const char *key; /* NULL ends the rows */
	enum conf_type type;
	size_t offset;		  /* into the settings structure of the module */
	size_t size;		  /* of the member */
	const char *fallback;	  /* default, as it would be written in the file */
	int64_t min, max;	  /* for numbers, in base units; both 0: no limit */
	const char *const *words; /* CONF_WORD, null-terminated */
	const char *help;	  /* one line, for the man page and for error messages */
};

/* Row helper: CONF_ROW(struct mqtt_conf, port, CONF_INT, "1883", .min = 1, .max = 65535, ...) */
#define CONF_ROW(structure, member, kind, text, ...)                                               \
	{                                                                                          \
		.key = #member, .type = (kind), .offset = offsetof(structure, member),             \
		.size = sizeof(((structure *)0)->member), .fallback = (text), __VA_ARGS__          \
	}

/* Stands for all sections that are not named: they are somebody else's, and passed over. */
#define CONF_OTHERS "*"

/* One section and where its settings go. */
struct conf_section {
	const char *name;
	const struct conf_item *items;
	void *target;
};

/* Called for each error, with the message as "file:line: what is wrong, what was expected". */
typedef void conf_error_fn(void *context, const char *message);

/*
 * Sets all settings of all sections (ended by one without name) to their defaults. A default that
 * does not parse is a bug and aborts.
 */
void conf_defaults(const struct conf_section *sections);

/*
 * Reads one file into the sections. Returns the number of errors told, or negative errno if the file
 * could not be opened (told as well), -ENOTSUP if it is not a regular file. With missing_ok a missing file is no error.
 */
int conf_read(const char *path, const struct conf_section *sections, bool missing_ok,
	      conf_error_fn *fn, void *context);

/* Whether an entry of PATH.d is read, for scandir(3): NAME.conf, and not hidden. */
int conf_is_drop_in(const struct dirent *entry);

/*
 * Reads PATH and then PATH.d/NAME.conf in the order of their names; a drop-in may set a key again.
 * Returns the number of errors told.
 */
int conf_read_all(const char *path, const struct conf_section *sections, bool missing_ok,
		  conf_error_fn *fn, void *context);

/* Room for a place in the configuration: a path and a line. */
#define CONF_PLACE_SIZE (PATH_MAX + 16)

/*
 * Writes "FILE:LINE" of the setting of a key that counts in PATH and PATH.d, and PATH where there is none. The files are
 * read once more: for messages about settings that were right each by itself.
 */
void conf_place(const char *path, const char *section, const char *key, char *ret_place,
		size_t size);

/*
 * Room for the sentence of conf_value() or of agent/addr.h: a line of a file has at most 198 bytes,
 * the longest sentence about it has fewer than 200 of its own.
 */
#define CONF_ERROR_SIZE 512

/*
 * Parses one value into its place in target, the structure that the rows point into. Returns 0 or
 * -EINVAL with one sentence that says what was expected; target is then untouched. Exported for tests
 * and fuzzing.
 */
int conf_value(const struct conf_item *item, const char *text, void *target, char *ret_error,
	       size_t size);

/* Room for what conf_form() says; the words of one row are the longest. */
#define CONF_FORM_SIZE 200

/* What a row takes, in a few words with its range: "a time, 100ms to 1m". */
void conf_form(const struct conf_item *item, char *ret_form, size_t size);

/* The line in which a key is set last in a text, 1 and up; 0: in none. */
unsigned conf_line_of(const char *text, size_t length, const char *section, const char *key);

/* Parses the same from memory; name stands in messages. For tests and fuzzing. */
int conf_parse(const char *name, const char *text, size_t length,
	       const struct conf_section *sections, conf_error_fn *fn, void *context);

#endif

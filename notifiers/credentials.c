/* SPDX-License-Identifier: MIT */
/*
 * Not read with the INI reader: that takes comments out of the middle of a line, and a password may
 * look like one. The buffer is wiped before it is given up.
 */
#include "notifiers/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/credential.h"
#include "agent/sentence.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the blanks off both ends. */
static void trim(const char **start, const char **end)
{
	while (*start < *end && is_blank(**start))
		(*start)++;
	while (*end > *start && is_blank((*end)[-1]))
		(*end)--;
}

static const struct credential *find_row(const struct credential *rows, const char *name,
					 size_t length)
{
	for (; rows->name; rows++) {
		if (strlen(rows->name) == length && memcmp(rows->name, name, length) == 0)
			return rows;
	}
	return NULL;
}

/* The names that are known, for a message: "username, password". */
static void list_names(const struct credential *rows, char *ret_text, size_t size)
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; rows[i].name && used < size; i++)
		used += (size_t)snprintf(ret_text + used, size - used, "%s%s", i ? ", " : "",
					 rows[i].name);
}

static int parse_line(const char *line, const char *end, unsigned number, unsigned *seen,
		      const struct credential *rows, char *ret_error, size_t size)
{
	const char *equals = memchr(line, '=', (size_t)(end - line));
	const char *value, *value_end = end, *name_end = equals;
	const struct credential *row;
	char names[128];

	if (!equals)
		return sentence_refuse(ret_error, size, "line %u: expected \"name = value\"",
				       number);
	trim(&line, &name_end);
	value = equals + 1;
	trim(&value, &value_end);
	row = find_row(rows, line, (size_t)(name_end - line));
	if (!row) {
		list_names(rows, names, sizeof(names));
		return sentence_refuse(ret_error, size,
				       "line %u: unknown name, expected one of: %s", number, names);
	}
	if (*seen & (1u << (row - rows)))
		return sentence_refuse(ret_error, size, "line %u: %s stands twice", number,
				       row->name);
	*seen |= 1u << (row - rows);
	if (value == value_end || (size_t)(value_end - value) >= row->size ||
	    memchr(value, '\0', (size_t)(value_end - value)))
		return sentence_refuse(ret_error, size, "line %u: %s must have 1 to %zu characters",
				       number, row->name, row->size - 1);
	memcpy(row->value, value, (size_t)(value_end - value));
	row->value[value_end - value] = '\0';
	return 0;
}

int credentials_parse(const char *text, size_t length, const struct credential *rows,
		      char *ret_error, size_t size)
{
	const char *end = text + length;
	unsigned seen = 0;

	for (unsigned number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line = text, *line_end = newline ? newline : end;
		int result;

		text = newline ? newline + 1 : end;
		trim(&line, &line_end);
		if (line == line_end || *line == '#' || *line == ';')
			continue;
		result = parse_line(line, line_end, number, &seen, rows, ret_error, size);
		if (result < 0)
			return result;
	}
	return 0;
}

static int check_rights(int fd, const char *path, char *ret_error, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int error = errno;

		return sentence_fail(-error, ret_error, size, "%s: %s", path,
				     strerrordesc_np(error));
	}
	if (!S_ISREG(st.st_mode))
		return sentence_refuse(ret_error, size, "%s is not a regular file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) && !credential_is_closed(path, &st))
		return sentence_fail(-EPERM, ret_error, size,
				     "run: chmod 600 %s: it is open to others than its owner",
				     path);
	return 0;
}

/* What to do when the file cannot be opened. */
static const char *advise(const char *path, int error)
{
	if (credential_is(path))
		return credential_advise(path, error);
	if (error == ENOENT)
		return "; make it, with mode 0600 (install -m 600 -o hostingpi /dev/null FILE)";
	if (error == EACCES)
		return "; use sudo, or let it belong to the user that runs this program";
	return "";
}

int credentials_read(const char *path, const struct credential *rows, char *ret_error, size_t size)
{
	/* One more than allowed, to notice a file that is too long. Non-blocking for a FIFO. */
	char text[CREDENTIALS_FILE_SIZE + 1], error[160];
	size_t length = 0;
	int result, fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		result = -errno;
		return sentence_fail(result, ret_error, size, "%s: %s%s", path,
				     strerrordesc_np(-result), advise(path, -result));
	}
	result = check_rights(fd, path, ret_error, size);
	while (result == 0 && length < sizeof(text)) {
		ssize_t got = read(fd, text + length, sizeof(text) - length);
		if (got < 0) {
			result = -errno;
			sentence_fail(result, ret_error, size, "%s: %s", path,
				      strerrordesc_np(-result));
		}
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	close(fd);
	if (result == 0 && length == sizeof(text))
		result = sentence_fail(-EFBIG, ret_error, size, "%s is longer than %d bytes", path,
				       CREDENTIALS_FILE_SIZE);
	if (result == 0) {
		result = credentials_parse(text, length, rows, error, sizeof(error));
		if (result < 0)
			sentence_fail(result, ret_error, size, "%s: %s", path, error);
	}
	explicit_bzero(text, sizeof(text));
	return result;
}

/* In the file itself: getpwnam() may ask the network. */
static bool find_user(const char *name, uid_t *ret_user)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	bool found = false;

	while (file && !found && (entry = fgetpwent(file))) {
		found = strcmp(entry->pw_name, name) == 0;
		*ret_user = entry->pw_uid;
	}
	if (file)
		fclose(file);
	return found;
}

void credentials_probe(const char *path, module_note_fn *note, void *context)
{
	char text[MODULE_SENTENCE_SIZE];
	struct stat st;
	uid_t user;

	/* systemd sees to the rights of credentials itself. */
	if (!path[0] || geteuid() != 0 || credential_is(path) || stat(path, &st) < 0 ||
	    !find_user("hostingpi", &user) || st.st_uid == user)
		return;
	snprintf(text, sizeof(text),
		 "the agent runs as hostingpi and cannot read it: chown hostingpi %.255s", path);
	note(context, MODULE_TROUBLE, "a file with secrets is somebody else's", text);
}

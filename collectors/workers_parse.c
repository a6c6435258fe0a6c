/* SPDX-License-Identifier: MIT */
/*
 * The name in stat stands in parentheses and may itself contain parentheses and blanks, so the last
 * ")" ends it (proc_pid_stat(5)). What follows is one letter and numbers, of which some may be
 * negative. The kernel's flag for its own threads is PF_KTHREAD of include/linux/sched.h.
 *
 * The three sorts of resident pages are those of anonymous memory, files and shared memory; statm
 * tells all, and the last two together (fs/proc/task_mmu.c, task_statm). It costs an eighth of
 * reading status, which tells the same as RssAnon.
 */
#include "collectors/workers_parse.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "agent/procfs.h"
#include "agent/sentence.h"

#define PF_KTHREAD 0x00200000

/* Numbers of stat, counted from the one behind the letter. */
enum {
	STAT_PARENT = 0,
	STAT_FLAGS = 5,
	STAT_USER = 10,
	STAT_SYSTEM = 11,
	STAT_THREADS = 16,
	STAT_START = 18,
	STAT_NUMBERS = 19,
};

enum {
	STATM_RESIDENT = 1,
	STATM_SHARED = 2,
	STATM_NUMBERS = 3,
};

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

int workers_names_parse(const char *text, struct workers_names *ret_names, char *ret_error,
			size_t size)
{
	struct workers_names names = {0};

	for (;;) {
		size_t length = 0;

		while (is_separator(*text))
			text++;
		while (text[length] && !is_separator(text[length]))
			length++;
		if (length == 0)
			break;
		const char *name = text;
		text += length;
		bool open_end = name[length - 1] == '*';
		length -= open_end;
		if (length == 0 || memchr(name, '*', length) || memchr(name, '/', length))
			return sentence_refuse(ret_error, size,
					       "names: '%.*s' is no name of a program; a '*' may "
					       "stand behind one, and no folder before it",
					       (int)(text - name), name);
		if (length >= WORKERS_COMM_SIZE)
			return sentence_refuse(ret_error, size,
					       "names: '%.*s' is longer than the %d characters "
					       "that the kernel keeps; end it with '*' before",
					       (int)(text - name), name, WORKERS_COMM_SIZE - 1);
		if (names.count == WORKERS_NAMES)
			return sentence_refuse(ret_error, size, "names: more than %d are given",
					       WORKERS_NAMES);
		memcpy(names.rows[names.count].text, name, length);
		names.rows[names.count++].open_end = open_end;
	}
	*ret_names = names;
	return 0;
}

bool workers_names_match(const struct workers_names *names, const char *comm)
{
	for (unsigned i = 0; i < names->count; i++) {
		const struct workers_name *name = &names->rows[i];
		if (name->open_end ? strncmp(comm, name->text, strlen(name->text)) == 0
				   : strcmp(comm, name->text) == 0)
			return true;
	}
	return false;
}

/* A number with an optional sign; beyond 64 bits (rlimits, addresses) it counts as the largest. */
static int parse_number(const char **at, int64_t *ret_value)
{
	bool negative = **at == '-';
	const char *start = *at + negative;
	int r = procfs_number(start, at, ret_value);

	if (r == -ERANGE) {
		*at = start + strspn(start, "0123456789");
		*ret_value = INT64_MAX;
		r = 0;
	}
	if (r == 0 && negative)
		*ret_value = -*ret_value;
	return r;
}

/* Parses " 1 2 3" into values, as many as asked for; a blank or the line's end follows. */
static int parse_numbers(const char *at, int64_t *ret_values, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i > 0 && *at++ != ' ')
			return -EINVAL;
		if (parse_number(&at, &ret_values[i]) < 0)
			return -EINVAL;
	}
	return *at == ' ' || *at == '\n' ? 0 : -EINVAL;
}

int workers_stat_parse(const char *text, struct workers_stat *ret_stat)
{
	struct workers_stat stat = {0};
	int64_t values[STAT_NUMBERS];
	const char *start = strchr(text, '(');
	const char *end = strrchr(text, ')');

	if (!start || !end || end <= start || end[1] != ' ' || !end[2] || end[3] != ' ')
		return -EINVAL;
	if (parse_numbers(end + 4, values, STAT_NUMBERS) < 0)
		return -EINVAL;
	if (values[STAT_PARENT] < 0 || values[STAT_PARENT] > INT_MAX || values[STAT_FLAGS] < 0 ||
	    values[STAT_USER] < 0 || values[STAT_SYSTEM] < 0 || values[STAT_THREADS] < 0 ||
	    values[STAT_START] < 0)
		return -EINVAL;

	size_t length = (size_t)(end - start - 1);
	if (length >= sizeof(stat.comm))
		length = sizeof(stat.comm) - 1;
	memcpy(stat.comm, start + 1, length);
	stat.parent = (int)values[STAT_PARENT];
	stat.kernel = (values[STAT_FLAGS] & PF_KTHREAD) != 0;
	stat.dead = end[2] == 'Z' || end[2] == 'X' || end[2] == 'x';
	if (__builtin_add_overflow(values[STAT_USER], values[STAT_SYSTEM], &stat.cpu_ticks))
		return -EINVAL;
	stat.threads = values[STAT_THREADS] > 0 || stat.dead ? values[STAT_THREADS] : 1;
	stat.start_ticks = values[STAT_START];
	*ret_stat = stat;
	return 0;
}

int workers_statm_parse(const char *text, int64_t *ret_pages)
{
	int64_t values[STATM_NUMBERS];

	if (parse_numbers(text, values, STATM_NUMBERS) < 0 || values[STATM_RESIDENT] < 0 ||
	    values[STATM_SHARED] < 0)
		return -EINVAL;
	/* The counters are not read at one moment. */
	*ret_pages = values[STATM_RESIDENT] > values[STATM_SHARED]
			     ? values[STATM_RESIDENT] - values[STATM_SHARED]
			     : 0;
	return 0;
}

int workers_children_next(const char **text)
{
	int64_t pid;

	*text += strspn(*text, " \n");
	if (procfs_number(*text, text, &pid) < 0 || pid <= 0 || pid > INT_MAX)
		return 0;
	/* A number that a short read cut is none. */
	return **text == ' ' || **text == '\n' ? (int)pid : 0;
}

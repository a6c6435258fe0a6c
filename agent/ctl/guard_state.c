/* SPDX-License-Identifier: MIT */
/*
 * The file is opened in two steps: first only looked up, and for reading when it is known to be a regular
 * file. So a FIFO in its place blocks nobody, and a link to a device wakes none (opening /dev/watchdog would
 * restart the machine). A link to a regular file is fine.
 *
 * The agent renews the file's time with each sample. The wall clock of a Pi without a battery jumps by years
 * when the network comes; so the age counts from the moment at which this program saw the time change, and
 * only the first look has to believe the clock.
 */
#include "agent/ctl/guard_state.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "agent/units.h"

/* The agent's file has 500 bytes. */
#define FILE_SIZE 16384
/* Ten samples of an agent with the default interval; three of one that is slower. */
#define STALE_MS 10000
#define STALE_SAMPLES 3
/* Seconds: the year 36812, beyond any clock and far from what overflows. */
#define TIME_MOST_S (INT64_C(1) << 40)
/* The longest interval that the configuration allows. */
#define INTERVAL_MOST_MS 60000

void guard_state_init(struct guard_state *file, const char *path)
{
	*file = (struct guard_state){.path = path};
}

__attribute__((format(printf, 3, 4))) static void say(struct guard_view *view,
						      enum guard_source source, const char *format,
						      ...)
{
	va_list args;

	view->source = source;
	va_start(args, format);
	vsnprintf(view->why, sizeof(view->why), format, args);
	va_end(args);
}

/* A finite number, cut to what any memory or time may be; false: there is none. */
static bool take_number(const cJSON *object, const char *name, double scale, int64_t *ret_number)
{
	const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, name);
	double number;

	if (!cJSON_IsNumber(member) || !isfinite(member->valuedouble))
		return false;
	number = member->valuedouble * scale;
	*ret_number = (int64_t)(number > 1e15 ? 1e15 : number < -1e15 ? -1e15 : number);
	return true;
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text != NULL ? text : "";
}

static bool find_state(const char *word, enum control_state *ret_state)
{
	for (int state = 0; state < CONTROL_STATES; state++) {
		if (strcmp(control_state_words[state], word) == 0) {
			*ret_state = (enum control_state)state;
			return true;
		}
	}
	return false;
}

static void take_members(const cJSON *object, struct guard_view *view)
{
	if (!cJSON_IsObject(object) || !find_state(text_of(object, "state"), &view->state)) {
		say(view, GUARD_UNUSABLE, "it is not a state file of hostingpid");
		return;
	}
	snprintf(view->reason, sizeof(view->reason), "%s", text_of(object, "reason"));
	view->headroom_known = take_number(object, "headroom_bytes", 1, &view->headroom_bytes);
	view->time_to_swap_known =
		take_number(object, "time_to_swap_s", 1000, &view->time_to_swap_ms);
	if (take_number(object, "interval_ms", 1, &view->interval_ms))
		view->interval_ms = clamp_i64(view->interval_ms, 0, INTERVAL_MOST_MS);
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "dry_run")))
		say(view, GUARD_DRY_RUN, "the agent runs with --dry-run: its word is for nobody");
	else
		view->source = GUARD_FRESH;
}

void guard_state_parse(const char *text, size_t length, struct guard_view *ret_view)
{
	cJSON *object = cJSON_ParseWithLength(text, length);

	*ret_view = (struct guard_view){0};
	take_members(object, ret_view);
	cJSON_Delete(object);
}

/* Opens a regular file, and nothing else. Returns a descriptor or negative errno. */
static int open_regular(const char *path, struct stat *ret_st)
{
	int found = open(path, O_PATH | O_CLOEXEC), fd, error;
	char link[32];

	if (found < 0)
		return -errno;
	if (fstat(found, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		close(found);
		return -ENOTSUP;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", found);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	error = errno;
	close(found);
	return fd < 0 ? -error : fd;
}

static void read_file(const char *path, int fd, struct guard_view *view)
{
	char text[FILE_SIZE + 1];
	size_t used = 0;
	ssize_t got;

	while (used < sizeof(text) && (got = read(fd, text + used, sizeof(text) - used)) != 0) {
		if (got < 0) {
			say(view, GUARD_UNUSABLE, "%s: %s", path, strerror(errno));
			return;
		}
		used += (size_t)got;
	}
	guard_state_parse(text, used > FILE_SIZE ? 0 : used, view);
	if (view->source == GUARD_UNUSABLE)
		say(view, GUARD_UNUSABLE,
		    "%s: it is not a state file of hostingpid; --state names another one", path);
}

/* How long the agent has not written. */
static int64_t age_ms(struct guard_state *file, const struct stat *st, int64_t now_ms,
		      int64_t wall_ms)
{
	int64_t age = 0;

	if (file->seen && file->inode == st->st_ino && file->written.tv_sec == st->st_mtim.tv_sec &&
	    file->written.tv_nsec == st->st_mtim.tv_nsec)
		return now_ms - file->changed_ms;
	if (!file->seen)
		age = clamp_i64(wall_ms / 1000 - clamp_i64(st->st_mtim.tv_sec, 0, TIME_MOST_S), 0,
				TIME_MOST_S) *
		      1000;
	file->seen = true;
	file->inode = st->st_ino;
	file->written = st->st_mtim;
	file->changed_ms = now_ms - age;
	return age;
}

void guard_state_look(struct guard_state *file, int64_t now_ms, int64_t wall_ms,
		      struct guard_view *ret_view)
{
	struct stat st;
	int fd = open_regular(file->path, &st);
	int64_t age;

	*ret_view = (struct guard_view){0};
	if (fd == -ENOENT || fd == -ENOTDIR) {
		say(ret_view, GUARD_MISSING,
		    "there is no %s: the agent does not run ('systemctl start hostingpid'), or its "
		    "run_dir is another one (--state)",
		    file->path);
		return;
	}
	if (fd < 0) {
		say(ret_view, GUARD_UNUSABLE, "%s: %s", file->path,
		    fd == -ENOTSUP ? "it is not a regular file" : strerror(-fd));
		return;
	}
	age = age_ms(file, &st, now_ms, wall_ms);
	read_file(file->path, fd, ret_view);
	close(fd);
	if (ret_view->source == GUARD_UNUSABLE)
		return;
	if (age > STALE_MS && age > STALE_SAMPLES * ret_view->interval_ms)
		say(ret_view, GUARD_STALE,
		    "%s was not renewed for %lld s: the agent has ended or hangs ('systemctl status "
		    "hostingpid')",
		    file->path, (long long)(age / 1000));
}

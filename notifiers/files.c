/* SPDX-License-Identifier: MIT */
/*
 * The decision as files of RUN_DIR, for who cannot or will not ask: scripts, timers, and web servers that
 * look whether a file is there.
 *
 *   state  one line of JSON: the decision, and of which agent
 *   soft   while the state is shed, hard or hold: its word and the reason
 *   hard   while the state is hard: the same
 *
 * Whoever sees hard sees soft, too: soft comes first and goes last. Trouble shows in these two before state
 * tells it, and its end after state. All are written beside and renamed, so that a reader has all of one or
 * nothing.
 *
 * Headroom moves all the time, and a reader wants to know that the agent lives. So state begins with the
 * figures that move, in a fixed width, and once per sample these are written over in place: one system call,
 * which sets the time of the file as well. A reader who hits that very moment has digits of both.
 *
 * Only in memory (tmpfs): a card must not be written to each second, nor may it keep the loop waiting.
 *
 * A file that cannot be written must not stay as it was, with old news in it: it goes, which on a full tmpfs
 * makes the room as well. Of soft and hard it matters that they are there, not what they say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/memory_fs.h"
#include "agent/render.h"
#include "notifiers/files_put.h"
#include "notifiers/notifiers.h"

/* A decision has 500 bytes with the longest reason, all of it escaped. */
#define TEXT_SIZE 1024
#define MARK_SIZE (DECISION_REASON_SIZE + 16)
/* What others did to the files is looked for this often. */
#define LOOK_NS (10 * NS_PER_S)

enum mark {
	MARK_SOFT, /* first: comes first, and goes last */
	MARK_HARD,
	MARKS,
};

static const char *const mark_names[MARKS] = {"soft", "hard"};

struct files {
	const struct env *env;
	const struct overview *overview;
	int64_t interval_ms;
	int dir_fd;   /* -1: not open */
	int state_fd; /* of the file that is called state now; -1: there is none of ours */
	bool off;     /* run_dir is no place for them */
	bool decided, stopping;
	bool current;		     /* what is there is what was decided */
	char said[MARKS][MARK_SIZE]; /* what stands in them while that is current; empty: none */
	struct decision decision;
	int64_t look_ns; /* when to look next */
	int64_t written; /* how often state was */
	struct complaint trouble;
};

static bool is_wanted(const struct files *files, enum mark mark)
{
	enum control_state state = files->decision.state;

	if (!files->decided || files->stopping || files->env->dry_run)
		return false;
	return state == CONTROL_HARD ||
	       (mark == MARK_SOFT && (state == CONTROL_SHED || state == CONTROL_HOLD));
}

static void complain(struct files *files, const char *name, int error)
{
	const char *remedy = "it will be tried again";

	if (error == -ENOSPC || error == -EDQUOT)
		remedy = "make room there";
	else if (error == -EISDIR || error == -ENOTEMPTY)
		remedy = "a directory is in the way, remove it";
	else if (error == -EACCES || error == -EPERM)
		remedy = "give it to the agent's user";
	else if (error == -EEXIST)
		remedy = "remove " FILES_BESIDE " there";
	else if (error == -ENOENT || error == -ENOTDIR)
		remedy = "restart the agent, or make that directory again";
	complaint_raise(&files->trouble, "files: %s/%s: %s; %s", files->env->run_dir, name,
			strerrordesc_np(-error), remedy);
}

/* Opens the directory if it is not. Returns 0 or negative errno; -ENOTSUP: it is not in memory. */
static int open_directory(struct files *files)
{
	struct statfs system;
	int fd;

	if (files->dir_fd >= 0)
		return 0;
	fd = open(files->env->run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &system) < 0 || !memory_fs_is(&system)) {
		close(fd);
		return -ENOTSUP;
	}
	files->dir_fd = fd;
	return 0;
}

static void close_state(struct files *files)
{
	if (files->state_fd >= 0)
		close(files->state_fd);
	files->state_fd = -1;
}

/* Everything is to be found and written anew. */
static void forget_directory(struct files *files)
{
	close_state(files);
	if (files->dir_fd >= 0)
		close(files->dir_fd);
	files->dir_fd = -1;
	files->current = false;
}

static int remove_mark(struct files *files, enum mark mark)
{
	if (files->current && !files->said[mark][0])
		return 0;
	if (unlinkat(files->dir_fd, mark_names[mark], 0) < 0 && errno != ENOENT)
		return -errno;
	files->said[mark][0] = '\0';
	return 0;
}

static int write_mark(struct files *files, enum mark mark)
{
	const struct decision *decision = &files->decision;
	char text[MARK_SIZE];
	int length = snprintf(text, sizeof(text), "%s %s\n", control_state_words[decision->state],
			      decision->reason);
	int fd;

	if (files->current && strcmp(files->said[mark], text) == 0)
		return 0;
	fd = files_put(files->dir_fd, mark_names[mark], text, (size_t)length, true);
	if (fd < 0)
		return fd;
	close(fd);
	memcpy(files->said[mark], text, sizeof(text));
	return 0;
}

/* The figures that move, always with the same length. Returns it. */
static int format_head(const struct files *files, char *text, size_t size)
{
	const struct decision *now = files->overview && files->overview->decision
					     ? files->overview->decision
					     : &files->decision;
	char headroom[24] = "null", time[24] = "null";

	if (now->headroom_known)
		snprintf(headroom, sizeof(headroom), "%lld", (long long)now->headroom_bytes);
	/* Nobody plans for more than 11 days. */
	if (now->time_to_swap_known)
		snprintf(time, sizeof(time), "%.3f",
			 (double)clamp_i64(now->time_to_swap_ms, 0, 999999999) / 1000);
	return snprintf(text, size,
			"{\"ts\":%14lld,\"headroom_bytes\":%15.15s,\"time_to_swap_s\":%10.10s",
			(long long)env_wall_ms(files->env), headroom, time);
}

static int write_state(struct files *files)
{
	struct decision decision = files->decision;
	char text[TEXT_SIZE];
	struct json json;
	int head = format_head(files, text, sizeof(text)), length, fd;

	/* The rest is an object of its own, whose brace becomes the comma between the two. */
	decision.headroom_known = decision.time_to_swap_known = false;
	json_start(&json, text + head, sizeof(text) - (size_t)head - 1);
	json_object(&json, NULL);
	json_text(&json, "id", files->env->id);
	json_int(&json, "pid", getpid());
	json_int(&json, "interval_ms", files->interval_ms);
	json_bool(&json, "dry_run", files->env->dry_run);
	render_decision_members(&json, &decision);
	json_object_end(&json);
	length = json_finish(&json);
	if (length < 0)
		return length;
	text[head] = ',';
	length += head;
	text[length++] = '\n';
	fd = files_put(files->dir_fd, "state", text, (size_t)length, false);
	close_state(files);
	if (fd < 0)
		return fd;
	files->state_fd = fd;
	files->written++;
	return 0;
}

/* Makes everything as it was decided. */
static int write_all(struct files *files, const char **ret_name)
{
	int result = open_directory(files), trouble = 0;

	*ret_name = "";
	if (result < 0)
		return result;
	for (enum mark mark = 0; mark < MARKS; mark++) {
		result = is_wanted(files, mark) ? write_mark(files, mark) : 0;
		if (result < 0 && trouble == 0) {
			trouble = result;
			*ret_name = mark_names[mark];
		}
	}
	result = write_state(files);
	if (result < 0 && trouble == 0) {
		trouble = result;
		*ret_name = "state";
	}
	for (enum mark mark = MARKS; mark-- > 0;) {
		result = is_wanted(files, mark) ? 0 : remove_mark(files, mark);
		if (result < 0 && trouble == 0) {
			trouble = result;
			*ret_name = mark_names[mark];
		}
	}
	return trouble;
}

static void renew(struct files *files)
{
	const char *name;
	int result = write_all(files, &name);

	files->current = result == 0;
	if (result == 0)
		complaint_clear(&files->trouble, "files: writing");
	else
		complain(files, name, result);
	/* A directory that is gone takes nothing any more; another one may be in its place. */
	if (result == -ENOENT)
		forget_directory(files);
}

/* Whether the files are as we left them. */
static bool look(const struct files *files)
{
	struct stat st, ours;

	if (fstatat(files->dir_fd, "state", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(files->state_fd, &ours) < 0 || st.st_ino != ours.st_ino)
		return false;
	for (enum mark mark = 0; mark < MARKS; mark++) {
		bool there =
			fstatat(files->dir_fd, mark_names[mark], &st, AT_SYMLINK_NOFOLLOW) == 0;

		if (there != is_wanted(files, mark) || (there && !S_ISREG(st.st_mode)))
			return false;
	}
	return true;
}

static void refresh(struct files *files)
{
	int64_t now_ns = env_now_ns(files->env);
	char text[128];
	int length;

	if (files->current && now_ns >= files->look_ns) {
		files->current = look(files);
		files->look_ns = now_ns + LOOK_NS;
	}
	if (files->current) {
		length = format_head(files, text, sizeof(text));
		files->current = pwrite(files->state_fd, text, (size_t)length, 0) == length;
	}
	if (!files->current)
		renew(files);
}

static int files_open(void *self, const void *conf, const struct env *env)
{
	struct files *files = self;

	(void)conf;
	files->env = env;
	files->state_fd = files->dir_fd = -1;
	if (open_directory(files) == -ENOTSUP) {
		files->off = true;
		log_notice("files: %s is on a disk: state, soft and hard are not written; set "
			   "[agent] run_dir to a directory of a tmpfs",
			   env->run_dir);
	}
	return 0;
}

static int files_publish(void *self, const struct report *report)
{
	struct files *files = self;

	if (report->kind == REPORT_ABOUT) {
		files->overview = report->about->overview;
		files->interval_ms = report->about->interval_ms;
		files->current = false;
		return 0;
	}
	if (report->kind == REPORT_DECISION) {
		files->decision = *report->decision;
		files->decided = true;
	}
	if (files->off || files->stopping || !files->decided)
		return 0;
	if (report->kind == REPORT_DECISION)
		renew(files);
	else
		refresh(files);
	return 0;
}

static bool files_stop(void *self)
{
	struct files *files = self;

	/* The next process takes them over as they are: a mark that vanished for a moment would say "go". */
	if (files->env->leaving != LEAVING_NOT)
		return true;
	files->stopping = true;
	if (files->dir_fd < 0)
		return true;
	unlinkat(files->dir_fd, "state", 0);
	for (enum mark mark = MARKS; mark-- > 0;)
		remove_mark(files, mark);
	return true;
}

static void files_status(const void *self, struct json *json)
{
	const struct files *files = self;

	json_text(json, "directory", files->env->run_dir);
	if (files->off) {
		json_text(json, "off",
			  "run_dir is on a disk: set [agent] run_dir to a directory "
			  "of a tmpfs");
		return;
	}
	json_bool(json, "current", files->current);
	json_int(json, "written", files->written);
	json_text(json, "last_error", files->trouble.text[0] ? files->trouble.text : NULL);
}

static void files_close(void *self)
{
	forget_directory(self);
}

const struct notifier files_notifier = {
	.module =
		{
			.name = "files",
			.self_size = sizeof(struct files),
			.open = files_open,
			.close = files_close,
		},
	.wants = 1u << REPORT_ABOUT | 1u << REPORT_SAMPLE | 1u << REPORT_DECISION,
	.publish = files_publish,
	.stop = files_stop,
	.status = files_status,
};

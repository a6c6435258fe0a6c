/* SPDX-License-Identifier: MIT */
/*
 * The unit must not give up for good, and a crash must be over soon, so systemd starts us again half a second after
 * an end (RestartSec). A configuration that is wrong stays wrong for longer: two starts and eight lines of journal a
 * second would be made for hours, on the processor and the card of a small machine. systemd has delays that grow only
 * since version 254; Debian 12 has 252. So it is we who wait, before we end.
 *
 * Which failure is the first one says a mark in the folder that systemd keeps for us from one start to the next and
 * takes away after a stop (RuntimeDirectory). Its age is how long it has been going on; waiting as long as that
 * again doubles the pause. It needs no content: a full /run has room for a name. If there is none for a name
 * either, each failure counts as a later one. Its time is that of the clock that runs since the boot: the other one
 * jumps by hours or years soon after the boot of a machine without a battery, just when a start may fail.
 *
 * The unit is "activating" meanwhile, which is the truth. What waits for it at boot (multi-user.target) goes on in
 * the half second between two starts, some seconds later.
 */
#include "agent/again.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/identity.h"
#include "agent/log.h"
#include "agent/sdnotify.h"

#define LEAST_S 2
#define LOOK_S 1
#define PATH_SIZE 512

static bool mark_path(char path[static PATH_SIZE])
{
	const char *folder = getenv("RUNTIME_DIRECTORY");

	return folder && folder[0] == '/' &&
	       snprintf(path, PATH_SIZE, "%s/start-failed", folder) < PATH_SIZE;
}

static uint64_t stamp_of_file(int folder, const char *name)
{
	uint64_t hash = identity_hash(0, name, strlen(name));
	struct stat st;

	if (fstatat(folder, name, &st, 0) < 0)
		return hash;
	hash = identity_hash(hash, &st.st_ino, sizeof(st.st_ino));
	hash = identity_hash(hash, &st.st_size, sizeof(st.st_size));
	return identity_hash(hash, &st.st_ctim, sizeof(st.st_ctim));
}

/*
 * Of what is read: the configuration and its drop-ins, in whatever order they are listed. What an editor lays beside
 * them while it is open is none.
 */
static uint64_t stamp(const char *conf_path)
{
	uint64_t sum = stamp_of_file(AT_FDCWD, conf_path);
	char folder[PATH_SIZE];
	const struct dirent *entry;
	DIR *directory;

	snprintf(folder, sizeof(folder), "%s.d", conf_path);
	directory = opendir(folder);
	if (!directory)
		return sum + (uint64_t)errno; /* not there, or not to be read yet */
	while ((entry = readdir(directory)))
		if (conf_is_drop_in(entry))
			sum += stamp_of_file(dirfd(directory), entry->d_name);
	closedir(directory);
	return sum;
}

static void date(const char *mark)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	utimensat(AT_FDCWD, mark, (struct timespec[]){now, now}, AT_SYMLINK_NOFOLLOW);
}

/* As long as it has been going on. */
static int64_t pause_s(const char *mark, int64_t most_s)
{
	int64_t age_s = 0;
	struct timespec now;
	struct stat st;

	clock_gettime(CLOCK_BOOTTIME, &now);
	if (lstat(mark, &st) == 0)
		age_s = (int64_t)now.tv_sec - (int64_t)st.st_mtim.tv_sec;
	if (age_s < 0)
		date(mark); /* of another clock: it begins now */
	return age_s < LEAST_S ? LEAST_S : age_s > most_s ? most_s : age_s;
}

/* The signal that ended the waiting, 0 if it was time or a file. */
static int wait_for(const struct again *again, const struct sdnotify *notify, int64_t seconds)
{
	int number = 0;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	sdnotify_send(notify, "STATUS=Cannot start: see journalctl -u hostingpid. Tried again as "
			      "soon as the configuration changes.");
	for (; seconds > 0; seconds -= LOOK_S) {
		sdnotify_send(notify, "EXTEND_TIMEOUT_USEC=30000000");
		number = sigtimedwait(&ends, NULL, &(struct timespec){.tv_sec = LOOK_S});
		if (number > 0 || stamp(again->conf_path) != again->stamp)
			break;
	}
	return number > 0 ? number : 0;
}

void again_open(struct again *again, const char *conf_path)
{
	/* It is taken out of the environment later, but the string itself stays. */
	*again = (struct again){.conf_path = conf_path, .socket = getenv("NOTIFY_SOCKET")};
	if (again->socket)
		again->stamp = stamp(conf_path);
}

int again_wait(const struct again *again, int64_t most_s, int code)
{
	struct sdnotify notify;
	char mark[PATH_SIZE];
	int64_t seconds;
	int fd, number;

	if (!again->socket || !mark_path(mark))
		return code;
	fd = open(mark, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		date(mark);
		return code;
	}
	setenv("NOTIFY_SOCKET", again->socket, 1);
	sdnotify_open(&notify);
	seconds = pause_s(mark, most_s);
	log_notice("tried again in %lld s, or as soon as %s changes", (long long)seconds,
		   again->conf_path);
	number = wait_for(again, &notify, seconds);
	sdnotify_close(&notify);
	if (number != SIGTERM && number != SIGINT)
		return code;
	unlink(mark); /* who starts it next wants to be told at once */
	return 0;
}

void again_forget(void)
{
	char mark[PATH_SIZE];

	if (mark_path(mark))
		unlink(mark);
}

/* SPDX-License-Identifier: MIT */
/*
 * The file RUN_DIR/hold exists while an operator's hold is on and contains the reason. It lives on a
 * tmpfs: a restart of the agent keeps the hold, a reboot ends it.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/procfs.h"

static void hold_path(const struct env *env, char *path, size_t size)
{
	snprintf(path, size, "%s/hold", env->run_dir);
}

void hold_save(const struct env *env, const char *reason)
{
	char path[128];
	hold_path(env, path, sizeof(path));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	/* One line, always longer than nothing, so that an empty reason can be read back. */
	if (fd < 0 || dprintf(fd, "%s\n", reason) < 0)
		log_warning("%s: %s; a restart of the agent will end the hold", path,
			    strerror(errno));
	if (fd >= 0)
		close(fd);
}

void hold_clear(const struct env *env)
{
	char path[128];
	hold_path(env, path, sizeof(path));
	if (unlink(path) < 0 && errno != ENOENT)
		log_warning("%s: %s; a restart of the agent will hold again", path,
			    strerror(errno));
}

bool hold_load(const struct env *env, char *ret_reason, size_t size)
{
	char path[128], text[128];
	hold_path(env, path, sizeof(path));
	int r = procfs_read_line(AT_FDCWD, path, text, sizeof(text));
	if (r < 0 && r != -ENODATA)
		return false;
	snprintf(ret_reason, size, "%s", r > 0 ? text : "");
	/* The file may have been written by hand; what goes to balancers is printable ASCII. */
	for (char *at = ret_reason; *at; at++)
		if (*at < ' ' || *at > '~' || *at == '#')
			*at = '?';
	return true;
}

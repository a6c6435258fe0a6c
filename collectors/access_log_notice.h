/* SPDX-License-Identifier: MIT */
/* Says at once that a file came to a directory; an addition to looking there from time to time. */
#ifndef HOSTINGPI_ACCESS_LOG_NOTICE_H
#define HOSTINGPI_ACCESS_LOG_NOTICE_H

#include <stdbool.h>

#include "agent/env.h"

typedef void access_log_notice_fn(void *context);

/* Zeroed is closed. */
struct access_log_notice {
	const struct env *env;
	access_log_notice_fn *fn;
	void *context;
	int fd;
	struct watch *watch; /* NULL: there are no notices */
	unsigned calls;	     /* of fn since access_log_notice_rearm() */
};

/* Without inotify or a loop there are no notices, which is no error. */
void access_log_notice_open(struct access_log_notice *notice, const struct env *env,
			    access_log_notice_fn *fn, void *context);
/* Notices about the directory of path, as it is now; may be repeated. */
void access_log_notice_about(struct access_log_notice *notice, const char *path);
/* fn may be called again, after it was called so often that it is not for now. */
void access_log_notice_rearm(struct access_log_notice *notice);
void access_log_notice_close(struct access_log_notice *notice);

#endif

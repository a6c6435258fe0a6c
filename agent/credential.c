/* SPDX-License-Identifier: MIT */
/*
 * The folder is in the environment of the service and of what it starts. Everybody else is pointed to the place
 * where the folder of our own unit is: there root can look, as long as the service runs. What the unit starts besides
 * (ExecStop=) is told the folder and kept out of it all the same, by systemd 252 at least.
 *
 * systemd closes the files itself. Where the folder is a tmpfs (systemd 254 and newer, or a container), a file stays
 * root's with mode 0400 and an access list that has the service's user; the mode then shows the mask of that list
 * where the group's rights are (0440), although no group may read it.
 */
#include "agent/credential.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_OF_UNIT "/run/credentials/hostingpid.service"

static const char *given_folder(void)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	return folder && folder[0] == '/' ? folder : NULL;
}

int credential_path(const char *name, char *ret_path, size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";
	const char *folder = given_folder();

	if (!folder)
		folder = FOLDER_OF_UNIT;
	if (name[0] == '\0' || name[0] == '.' || name[strspn(name, letters)])
		return -EINVAL;
	if (strlen(folder) + 1 + strlen(name) >= size)
		return -ENAMETOOLONG;
	snprintf(ret_path, size, "%s/%s", folder, name);
	return 0;
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && path[length] == '/';
}

bool credential_is(const char *path)
{
	const char *folder = given_folder();

	return is_below(path, FOLDER_OF_UNIT) || (folder && is_below(path, folder));
}

bool credential_elsewhere(const char *path)
{
	return credential_is(path) && access(path, R_OK) < 0 &&
	       (errno == EACCES || !given_folder());
}

bool credential_is_closed(const char *path, const struct stat *st)
{
	return credential_is(path) && st->st_uid == 0 &&
	       !(st->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO));
}

const char *credential_advise(const char *path, int error)
{
	/* Without LoadCredential= the folder is not there, or it is there and closed: the same for whoever reads this. */
	if (!credential_is(path) || (error != ENOENT && error != EACCES))
		return "";
	return "; needs LoadCredential= in the unit; root by hand"; /* short: a complaint has 160 bytes */
}

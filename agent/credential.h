/* SPDX-License-Identifier: MIT */
/*
 * Files that systemd hands to the service and to nobody else (LoadCredential=): the configuration names them by
 * their name alone, without a folder.
 */
#ifndef HOSTINGPI_CREDENTIAL_H
#define HOSTINGPI_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * The path of the credential of this name. Returns 0, -EINVAL (no name that a credential can have) or
 * -ENAMETOOLONG; ret_path is then untouched.
 */
int credential_path(const char *name, char *ret_path, size_t size);

/* Whether a path is below the folder of the credentials. */
bool credential_is(const char *path);

/* A credential of the service that cannot be looked at from here: we are not the service, nor root while it runs. */
bool credential_elsewhere(const char *path);

/* Whether the rights are those that systemd gives: its own file, which one user may read by an access list. */
bool credential_is_closed(const char *path, const struct stat *st);

/* What to do when a credential cannot be opened with this errno; empty if path is none. */
const char *credential_advise(const char *path, int error);

#endif

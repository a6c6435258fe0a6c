/* SPDX-License-Identifier: MIT */
/* The version as `git describe` told it to the Makefile, in one object so that little is rebuilt. */
#ifndef HOSTINGPI_VERSION_H
#define HOSTINGPI_VERSION_H

extern const char hostingpi_version[];

#endif

/* SPDX-License-Identifier: MIT */
/* The Makefile defines HOSTINGPI_VERSION for this file alone. */
#include "agent/version.h"

const char hostingpi_version[] = HOSTINGPI_VERSION;

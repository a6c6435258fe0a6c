/* SPDX-License-Identifier: MIT */
/*
 * Where to look for a status page: one URL of the operator, or the usual places, as a list of
 * endpoints and paths that is walked from front to back. Names are never resolved. Pure.
 *
 *	http://[::1]:8080/nginx_status		unix:/run/nginx/status.sock:/nginx_status
 *	fcgi://[::1]:9000/status		fcgi:unix:/run/php/php8.2-fpm.sock:/status
 *						haproxy:unix:/run/haproxy/admin.sock
 */
#ifndef HOSTINGPI_STATUS_PLACES_H
#define HOSTINGPI_STATUS_PLACES_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/addr.h"
#include "collectors/status_answer.h"
#include "collectors/status_reading.h"

/* The usual endpoints are 13. */
#define PLACES_ENDPOINTS 13
/* The usual paths are 8. */
#define PLACES_PATHS 8
/* The longest url or path setting with its NUL. */
#define PLACES_URL_SIZE 256
#define PLACES_PATH_SIZE 128
/* "[", an IPv6 address with interface, "]:65535" */
#define PLACES_HOST_SIZE 80
/* An endpoint and a path, as people write them. */
#define PLACES_NAME_SIZE (ADDR_TEXT_SIZE + PLACES_PATH_SIZE)

struct place_endpoint {
	struct addr addr;
	enum status_protocol protocol;
	unsigned kinds;		     /* mask of 1u << enum status_kind: who may be there */
	bool apart;		     /* whoever answers is not among those whom the page counts */
	bool anybody;		     /* nobody named it, and any local user may listen there */
	char name[ADDR_TEXT_SIZE];   /* "[::1]:80", "unix:/run/nginx/status.sock:" */
	char host[PLACES_HOST_SIZE]; /* of the Host header */
};

struct place_path {
	unsigned kinds;
	char text[PLACES_PATH_SIZE];
};

struct places {
	size_t endpoint_count, path_count;
	struct place_endpoint endpoints[PLACES_ENDPOINTS];
	struct place_path paths[PLACES_PATHS];
};

/* What the operator asked for; texts may be empty, but not NULL. */
struct places_wish {
	const char *url;
	const char *path;
	unsigned kinds; /* mask of 1u << enum status_kind */
};

/* One place: indices into endpoints and paths. */
struct place {
	size_t endpoint, path;
};

/*
 * Makes the list for a wish. Returns 0, or -EINVAL with one sentence that starts with the key which
 * is wrong.
 */
int places_make(const struct places_wish *wish, struct places *ret_places, char *ret_error,
		size_t size);

/* The first place; false if there is none. */
bool places_first(const struct places *places, struct place *ret_place);
/* The place behind *place, at another endpoint if this one is of no use; false behind the last. */
bool places_next(const struct places *places, bool skip_endpoint, struct place *place);

/* Who may be there, as a mask. */
static inline unsigned places_kinds(const struct places *places, struct place place)
{
	return places->endpoints[place.endpoint].kinds & places->paths[place.path].kinds;
}

/* Who is looked for there; the first of several. */
enum status_kind places_sought(const struct places *places, struct place place);

/* "[::1]:80/nginx_status", in a buffer of PLACES_NAME_SIZE. Returns text. */
const char *places_name(const struct places *places, struct place place, char *text);

#endif

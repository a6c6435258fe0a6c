/* SPDX-License-Identifier: MIT */
/*
 * The operator's URL and the usual endpoints are written alike and go through one parser, built on
 * libhttp-parser's. "localhost" is two endpoints, IPv6 first, without a look into any resolver. The
 * Host header says what the URL says; for the usual places it says "localhost", because that is the
 * server name that examples for status pages are written with.
 */
#include "collectors/status_places.h"

#include <ctype.h>
#include <errno.h>
#include <http_parser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agent/sentence.h"

#define NGINX (1u << STATUS_NGINX)
#define APACHE (1u << STATUS_APACHE)
#define LIGHTTPD (1u << STATUS_LIGHTTPD)
#define CADDY (1u << STATUS_CADDY)
#define PHP_FPM (1u << STATUS_PHP_FPM)
#define HAPROXY (1u << STATUS_HAPROXY)
#define ON_80 (NGINX | APACHE | LIGHTTPD)

/* The beginnings of URLs. */
static const struct scheme {
	const char *start;
	bool local; /* the path of a Unix socket follows, otherwise a host */
	enum status_protocol protocol;
	unsigned port; /* that is meant without one */
	unsigned kinds;
} schemes[] = {
	{"http://", false, PROTOCOL_HTTP, 80, ON_80 | CADDY},
	{"unix:", true, PROTOCOL_HTTP, 0, ON_80 | CADDY},
	{"fcgi://", false, PROTOCOL_FASTCGI, 9000, PHP_FPM},
	{"fcgi:unix:", true, PROTOCOL_FASTCGI, 0, PHP_FPM},
	{"haproxy:unix:", true, PROTOCOL_CONSOLE, 0, HAPROXY},
};

/*
 * Web servers listen on port 80 and, behind a cache or proxy, on 8080. A socket below /run/nginx
 * needs neither a port nor an access rule; its name is a habit, not a standard. Caddy's and HAProxy's
 * are those of their own documentation and of Debian. Debian keeps php-fpm.sock as a link to the socket
 * of the installed version; the one before it is that of our manual, which answers also when all
 * workers are busy.
 */
static const struct {
	const char *url;
	const char *host; /* of the Host header */
	unsigned kinds;
	bool apart, anybody;
} usual_endpoints[] = {
	{"unix:/run/nginx/status.sock", "localhost", NGINX, false, false},
	{"unix:/run/nginx/stub_status.sock", "localhost", NGINX, false, false},
	{"unix:/run/nginx/nginx_status.sock", "localhost", NGINX, false, false},
	{"unix:/run/nginx/nginx.sock", "localhost", NGINX, false, false},
	{"http://[::1]:80", "localhost", ON_80, false, false},
	{"http://127.0.0.1:80", "localhost", ON_80, false, false},
	{"http://[::1]:8080", "localhost:8080", ON_80, false, true},
	{"http://127.0.0.1:8080", "localhost:8080", ON_80, false, true},
	{"http://[::1]:2019", "localhost:2019", CADDY, false, true},
	{"http://127.0.0.1:2019", "localhost:2019", CADDY, false, true},
	{"fcgi:unix:/run/php/fpm-status.sock", "", PHP_FPM, true, false},
	{"fcgi:unix:/run/php/php-fpm.sock", "", PHP_FPM, false, false},
	{"haproxy:unix:/run/haproxy/admin.sock", "", HAPROXY, false, false},
};

/*
 * nginx: the names in its documentation and in packages of monitors; server-status: Debian's
 * status.conf, and lighttpd's documentation; PHP-FPM: the example in its configuration, and a habit.
 */
static const struct {
	const char *path;
	unsigned kinds;
} usual_paths[] = {
	{"/nginx_status", NGINX}, {"/stub_status", NGINX},
	{"/basic_status", NGINX}, {"/server-status?auto", APACHE | LIGHTTPD},
	{"/metrics", CADDY},	  {"/status", PHP_FPM},
	{"/fpm-status", PHP_FPM}, {"", HAPROXY},
};

_Static_assert(sizeof(usual_endpoints) / sizeof(usual_endpoints[0]) <= PLACES_ENDPOINTS,
	       "the usual endpoints must fit");
_Static_assert(sizeof(usual_paths) / sizeof(usual_paths[0]) <= PLACES_PATHS,
	       "the usual paths must fit");

/* Takes a path with its query; it ends up in a request line, so its characters are checked. */
static int add_path(struct places *places, const char *key, const char *path, unsigned kinds,
		    char *ret_error, size_t size)
{
	size_t length = strlen(path);
	struct http_parser_url parts;
	http_parser_url_init(&parts);
	if (length >= PLACES_PATH_SIZE)
		return sentence_refuse(ret_error, size,
				       "%s: the path must be at most %d bytes long: it has %zu",
				       key, PLACES_PATH_SIZE - 1, length);
	if (path[0] != '/' || http_parser_parse_url(path, length, 0, &parts) != 0 ||
	    (parts.field_set & (1u << UF_FRAGMENT)))
		return sentence_refuse(ret_error, size,
				       "%s: '%s' must be a path like /nginx_status or "
				       "/server-status?auto",
				       key, path);

	struct place_path *entry = &places->paths[places->path_count++];
	entry->kinds = kinds;
	memcpy(entry->text, path, length + 1);
	return 0;
}

/* Takes "[::1]:80" or "unix:/run/x.sock"; host is for the Host header, followed by port if any. */
static int add_endpoint(struct places *places, const struct scheme *scheme, const char *address,
			const char *host, char *ret_error, size_t size)
{
	struct place_endpoint *endpoint = &places->endpoints[places->endpoint_count];
	char why[256];
	if (addr_parse(address, &endpoint->addr, why, sizeof(why)) < 0)
		return sentence_refuse(ret_error, size, "url: %s", why);

	const char *colon = scheme->local && scheme->protocol != PROTOCOL_CONSOLE ? ":" : "";
	int name = snprintf(endpoint->name, sizeof(endpoint->name), "%s%s", address, colon);
	int header = snprintf(endpoint->host, sizeof(endpoint->host), "%s", host);
	if (name >= (int)sizeof(endpoint->name) || header >= (int)sizeof(endpoint->host))
		return sentence_refuse(ret_error, size, "url: the address is too long");
	endpoint->protocol = scheme->protocol;
	endpoint->kinds = scheme->kinds;
	places->endpoint_count++;
	return 0;
}

/* "/run/x.sock:/status", the path being optional. *ret_path is NULL without one. */
static int parse_local(struct places *places, const struct scheme *scheme, const char *rest,
		       const char **ret_path, char *ret_error, size_t size)
{
	char address[ADDR_TEXT_SIZE];
	const char *path = strchr(rest, ':');
	size_t length = path ? (size_t)(path - rest) : strlen(rest);
	if (length >= sizeof(address) - strlen("unix:"))
		return sentence_refuse(
			ret_error, size,
			"url: the path of a Unix socket must be at most 107 bytes long");
	snprintf(address, sizeof(address), "unix:%.*s", (int)length, rest);
	for (const char *at = address; *at; at++)
		if (iscntrl((unsigned char)*at))
			return sentence_refuse(ret_error, size,
					       "url: there is a control character in it");
	*ret_path = path ? path + 1 : NULL;
	return add_endpoint(places, scheme, address, "localhost", ret_error, size);
}

/* An endpoint for each address that host stands for. */
static int add_host(struct places *places, const struct scheme *scheme, const char *host,
		    bool literal6, unsigned port, char *ret_error, size_t size)
{
	static const char *const loopback[] = {"[::1]", "127.0.0.1"};
	char address[PLACES_HOST_SIZE + 16], header[PLACES_HOST_SIZE + 16], suffix[8] = "";
	bool local = strcasecmp(host, "localhost") == 0;
	if (!local && !literal6 && host[strspn(host, "0123456789.")])
		return sentence_refuse(
			ret_error, size,
			"url: '%s' is a name, and names are never resolved here, because the "
			"agent must not wait for a DNS server: write an IPv4 address, an IPv6 "
			"address in brackets, or localhost",
			host);

	if (port != 80)
		snprintf(suffix, sizeof(suffix), ":%u", port);
	for (size_t i = 0; i < (local ? 2 : 1); i++) {
		const char *open = literal6 ? "[" : "", *close = literal6 ? "]" : "";
		const char *one = local ? loopback[i] : host;
		snprintf(address, sizeof(address), "%s%s%s:%u", open, one, close, port);
		snprintf(header, sizeof(header), "%s%s%s%s", open, host, close, suffix);
		int r = add_endpoint(places, scheme, address, header, ret_error, size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "SCHEME://HOST[:PORT][/path]". *ret_path is NULL without one. */
static int parse_host(struct places *places, const struct scheme *scheme, const char *url,
		      const char **ret_path, char *ret_error, size_t size)
{
	struct http_parser_url parts;
	http_parser_url_init(&parts);
	if (http_parser_parse_url(url, strlen(url), 0, &parts) != 0 ||
	    (parts.field_set & ((1u << UF_USERINFO) | (1u << UF_FRAGMENT))))
		return sentence_refuse(
			ret_error, size,
			"url: must be like http://[::1]:8080/nginx_status or fcgi://[::1]/status");

	size_t start = parts.field_data[UF_HOST].off, length = parts.field_data[UF_HOST].len;
	char host[PLACES_HOST_SIZE];
	if (length >= sizeof(host) - 8)
		return sentence_refuse(ret_error, size, "url: the host is too long");
	memcpy(host, url + start, length);
	host[length] = '\0';

	bool has_port = parts.field_set & (1u << UF_PORT);
	bool has_path = parts.field_set & (1u << UF_PATH);
	if (has_port && parts.port == 0)
		return sentence_refuse(ret_error, size, "url: port 0 cannot be asked");
	if (!has_path && (parts.field_set & (1u << UF_QUERY)))
		return sentence_refuse(ret_error, size, "url: there is no path before the '?'");
	*ret_path = has_path ? url + parts.field_data[UF_PATH].off : NULL;
	return add_host(places, scheme, host, url[start - 1] == '[',
			has_port ? parts.port : scheme->port, ret_error, size);
}

static int parse_url(struct places *places, const char *url, const char **ret_path, char *ret_error,
		     size_t size)
{
	*ret_path = NULL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const struct scheme *scheme = &schemes[i];
		size_t length = strlen(scheme->start);
		if (strncasecmp(url, scheme->start, length) != 0)
			continue;
		return scheme->local ? parse_local(places, scheme, url + length, ret_path,
						   ret_error, size)
				     : parse_host(places, scheme, url, ret_path, ret_error, size);
	}
	if (strncasecmp(url, "https:", 6) == 0)
		return sentence_refuse(
			ret_error, size,
			"url: https is not spoken here: give the status page a plain "
			"http port on loopback or a Unix socket");
	return sentence_refuse(ret_error, size,
			       "url: must be like http://[::1]:8080/nginx_status, "
			       "unix:/run/nginx/status.sock:/nginx_status, "
			       "fcgi:unix:/run/php/php-fpm.sock:/status or "
			       "haproxy:unix:/run/haproxy/admin.sock");
}

static int add_usual_endpoints(struct places *places, char *ret_error, size_t size)
{
	for (size_t i = 0; i < sizeof(usual_endpoints) / sizeof(usual_endpoints[0]); i++) {
		const char *no_path;
		int r = parse_url(places, usual_endpoints[i].url, &no_path, ret_error, size);
		if (r < 0)
			return r;
		struct place_endpoint *endpoint = &places->endpoints[i];
		endpoint->kinds = usual_endpoints[i].kinds;
		endpoint->apart = usual_endpoints[i].apart;
		endpoint->anybody = usual_endpoints[i].anybody;
		snprintf(endpoint->host, sizeof(endpoint->host), "%s", usual_endpoints[i].host);
	}
	return 0;
}

/* The paths: that of the url, the one that was asked for, or the usual ones. */
static int add_paths(struct places *places, const struct places_wish *wish, const char *path,
		     char *ret_error, size_t size)
{
	bool console = places->endpoints[0].protocol == PROTOCOL_CONSOLE;
	if (path && wish->path[0])
		return sentence_refuse(ret_error, size,
				       "path: contradicts url, which has the path '%s'", path);
	if ((path && console) || (wish->path[0] && (console || wish->kinds == HAPROXY)))
		return sentence_refuse(ret_error, size, "%s: the stats socket of HAProxy has none",
				       path ? "url: a path" : "path");
	if (path)
		return add_path(places, "url", path, wish->kinds, ret_error, size);
	if (wish->path[0])
		return add_path(places, "path", wish->path, wish->kinds & ~HAPROXY, ret_error,
				size);
	for (size_t i = 0; i < sizeof(usual_paths) / sizeof(usual_paths[0]); i++) {
		struct place_path *entry = &places->paths[places->path_count++];
		entry->kinds = usual_paths[i].kinds;
		snprintf(entry->text, sizeof(entry->text), "%s", usual_paths[i].path);
	}
	return 0;
}

int places_make(const struct places_wish *wish, struct places *ret_places, char *ret_error,
		size_t size)
{
	struct places places = {0};
	struct place first;
	const char *path = NULL;
	int r = wish->url[0] ? parse_url(&places, wish->url, &path, ret_error, size)
			     : add_usual_endpoints(&places, ret_error, size);
	if (r < 0)
		return r;
	r = add_paths(&places, wish, path, ret_error, size);
	if (r < 0)
		return r;
	for (size_t i = 0; i < places.endpoint_count; i++)
		places.endpoints[i].kinds &= wish->kinds;
	if (wish->kinds && !places_first(&places, &first))
		return sentence_refuse(
			ret_error, size,
			"source: contradicts url: PHP-FPM is asked at fcgi:, HAProxy "
			"at haproxy:, all others at http: or unix:");
	*ret_places = places;
	return 0;
}

/* Goes on from *place until the two fit together. */
static bool settle(const struct places *places, struct place *place)
{
	for (; place->endpoint < places->endpoint_count; place->endpoint++, place->path = 0) {
		unsigned kinds = places->endpoints[place->endpoint].kinds;
		for (; place->path < places->path_count; place->path++)
			if (kinds & places->paths[place->path].kinds)
				return true;
	}
	return false;
}

bool places_first(const struct places *places, struct place *ret_place)
{
	*ret_place = (struct place){0};
	return settle(places, ret_place);
}

bool places_next(const struct places *places, bool skip_endpoint, struct place *place)
{
	if (skip_endpoint) {
		place->endpoint++;
		place->path = 0;
	} else {
		place->path++;
	}
	return settle(places, place);
}

const char *places_name(const struct places *places, struct place place, char *text)
{
	snprintf(text, PLACES_NAME_SIZE, "%s%s", places->endpoints[place.endpoint].name,
		 places->paths[place.path].text);
	return text;
}

enum status_kind places_sought(const struct places *places, struct place place)
{
	const struct place_path *path = &places->paths[place.path];
	unsigned kinds = places_kinds(places, place);
	if ((kinds & APACHE) && strstr(path->text, "server-status"))
		return STATUS_APACHE;
	if ((kinds & CADDY) && strstr(path->text, "metrics"))
		return STATUS_CADDY;
	for (unsigned kind = 0; kind < STATUS_KINDS; kind++)
		if (kinds >> kind & 1)
			return kind;
	return STATUS_NGINX; /* a place fits somebody */
}

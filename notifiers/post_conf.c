/* SPDX-License-Identifier: MIT */
/*
 * Rows and checks. Nothing is posted unless a service is chosen. The templates are checked where
 * placeholders are known (post_template.h).
 */
#include "notifiers/post_conf.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "agent/sentence.h"
#include "agent/units.h"
#include "notifiers/nat64.h"

const char *const post_service_words[] = {"none", "x", "mastodon", NULL};
const char *const post_visibility_words[] = {"public", "unlisted", "private", "direct", NULL};
static const char *const api_words[] = {"v2", "v1.1", NULL};

#define X_URL "https://api.x.com/2/tweets"

/* A row of a section whose settings are a part of the structure. */
#define PART_ROW(part, name, kind, text, ...)                                                      \
	{                                                                                          \
		.key = #name, .type = (kind), .offset = offsetof(struct post_conf, part.name),     \
		.size = sizeof(((struct post_conf *)0)->part.name), .fallback = (text),            \
		__VA_ARGS__                                                                        \
	}

const struct conf_item post_conf_items[] = {
	CONF_ROW(struct post_conf, service, CONF_WORD, "none", .words = post_service_words,
		 .help = "where status messages go"),
	CONF_ROW(struct post_conf, max_per_day, CONF_INT, "24", .min = 1, .max = 1000,
		 .help = "most messages in 24 hours"),
	CONF_ROW(struct post_conf, min_gap, CONF_DURATION, "10m", .min = 0, .max = 86400 * NS_PER_S,
		 .help = "least time between two messages"),
	CONF_ROW(struct post_conf, timeout, CONF_DURATION, "60s", .min = 5 * NS_PER_S,
		 .max = 600 * NS_PER_S, .help = "longest time for one attempt to send a message"),
	CONF_ROW(struct post_conf, program, CONF_PATH, "",
		 .help = "the posting program; empty: hostingpi-post beside hostingpid"),
	CONF_ROW(struct post_conf, daily_at, CONF_TEXT, "20:00",
		 .help = "local time of the daily summary; empty: none"),
	CONF_ROW(struct post_conf, text_start, CONF_TEXT,
		 "{id} is up, {time}: {headroom} to spare.",
		 .help = "message after the start; empty: none"),
	CONF_ROW(struct post_conf, text_shed, CONF_TEXT,
		 "{id}, {time}: asking for less traffic ({reason}), weight {weight} %.",
		 .help = "message when traffic is shed; empty: none"),
	CONF_ROW(struct post_conf, text_hard, CONF_TEXT,
		 "{id}, {time}: out of breath ({reason}), weight {weight} %.",
		 .help = "message at the hard level; empty: none"),
	CONF_ROW(struct post_conf, text_normal, CONF_TEXT,
		 "{id}, {time}: back to normal after {duration}, {headroom} to spare.",
		 .help = "message when it is over; empty: none"),
	CONF_ROW(struct post_conf, text_incident, CONF_TEXT, "{id}, {time}: {event}",
		 .help = "message about a critical event; empty: none"),
	CONF_ROW(struct post_conf, text_daily, CONF_TEXT,
		 "{id}, {time}: {day_requests} requests in a day, at most {day_temp_max}, "
		 "at least {day_headroom_min} to spare.",
		 .help = "the daily summary; empty: none"),
	{0},
};

static const struct conf_item x_items[] = {
	PART_ROW(x, url, CONF_TEXT, X_URL, .min = 1, .help = "where messages are posted to"),
	PART_ROW(x, api, CONF_WORD, "v2", .words = api_words,
		 .help = "v1.1: the older form, for compatible services"),
	PART_ROW(x, credential_file, CONF_FILE, "",
		 .help = "file with consumer_key, consumer_secret, token and token_secret, "
			 "mode 0600"),
	PART_ROW(x, ca_file, CONF_FILE, "",
		 .help = "certificates (PEM) to trust instead of the system's"),
	{0},
};

static const struct conf_item mastodon_items[] = {
	PART_ROW(mastodon, url, CONF_TEXT, "",
		 .help = "the instance, such as https://social.example"),
	PART_ROW(mastodon, credential_file, CONF_FILE, "",
		 .help = "file with access_token, mode 0600"),
	PART_ROW(mastodon, ca_file, CONF_FILE, "",
		 .help = "certificates (PEM) to trust instead of the system's"),
	PART_ROW(mastodon, visibility, CONF_WORD, "public", .words = post_visibility_words,
		 .help = "who sees the messages"),
	PART_ROW(mastodon, language, CONF_NAME, "en", .help = "language code of the messages"),
	PART_ROW(mastodon, max_length, CONF_INT, "500", .min = 100, .max = 10000,
		 .help = "most characters that the instance takes"),
	{0},
};

static const struct conf_item nat64_items[] = {
	PART_ROW(nat64, prefix, CONF_TEXT, "auto", .min = 1,
		 .help = "auto: ask the network; none; or PREFIX/LENGTH, several with commas"),
	PART_ROW(nat64, dns64, CONF_TEXT, "",
		 .help = "address of a DNS64 server to ask for the prefix; empty: the resolver's"),
	{0},
};

const struct conf_section post_conf_more[] = {
	{"x", x_items, NULL},
	{"mastodon", mastodon_items, NULL},
	{"nat64", nat64_items, NULL},
	{0},
};

/* A port behind the host (which may be "[::1]"), or none. */
static bool port_fits(const char *host, size_t length)
{
	const char *colon = memrchr(host, ':', length), *c;
	long port = 0;

	if (!colon || memchr(colon, ']', length - (size_t)(colon - host)))
		return true;
	for (c = colon + 1; c < host + length && *c >= '0' && *c <= '9' && port <= 65535; c++)
		port = 10 * port + (*c - '0');
	return c == host + length && port >= 1 && port <= 65535;
}

/* "https://host[:port][/path]": lower-case host, as it is signed and compared; no user, query or fragment. */
static int check_url(const char *section, const char *url, char *ret_error, size_t size)
{
	static const char scheme[] = "https://";
	const char *host = url + strlen(scheme);

	if (strncmp(url, scheme, strlen(scheme)) != 0 || !*host || *host == '/' || *host == ':')
		return sentence_refuse(ret_error, size,
				       "[%s] url must be https:// and a host, and maybe a path",
				       section);
	for (const char *c = host; *c; c++) {
		if (*c <= ' ' || *c > '~' || strchr("?#@\"<>\\^`{|}", *c))
			return sentence_refuse(ret_error, size,
					       "[%s] url must be a host and a path, without user, "
					       "query or fragment",
					       section);
	}
	if (!port_fits(host, strcspn(host, "/")))
		return sentence_refuse(ret_error, size, "[%s] url: the port must be 1 to 65535",
				       section);
	for (const char *c = host; *c && *c != '/'; c++) {
		if (isupper((unsigned char)*c))
			return sentence_refuse(ret_error, size,
					       "[%s] url: write the host in lower case", section);
	}
	return 0;
}

static int check_daily(const char *text, char *ret_error, size_t size)
{
	if (!text[0])
		return 0;
	if (strlen(text) != 5 || text[2] != ':' || !isdigit((unsigned char)text[0]) ||
	    !isdigit((unsigned char)text[1]) || !isdigit((unsigned char)text[3]) ||
	    !isdigit((unsigned char)text[4]) || memcmp(text, "23", 2) > 0 || text[3] > '5')
		return sentence_refuse(ret_error, size,
				       "daily_at must be a time of the day such as 08:30");
	return 0;
}

static int check_prefix(const char *text, char *ret_error, size_t size)
{
	struct nat64_prefix prefixes[NAT64_PREFIXES];
	char error[200];
	size_t count;
	bool automatic;

	if (nat64_prefixes_parse(text, &automatic, prefixes, &count, error, sizeof(error)) < 0)
		return sentence_refuse(ret_error, size, "[nat64] %s", error);
	return 0;
}

static int check_service(const struct post_conf *conf, char *ret_error, size_t size)
{
	switch ((enum post_service)conf->service) {
	case POST_NONE:
	case POST_SERVICES:
		return 0;
	case POST_X:
		if (conf->x.api == POST_X_V11 && strcmp(conf->x.url, X_URL) == 0)
			return sentence_refuse(
				ret_error, size,
				"[x] url must be that of the service for api = v1.1, "
				"such as https://HOST/1.1/statuses/update.json");
		if (!conf->x.credential_file[0])
			return sentence_refuse(ret_error, size,
					       "[x] credential_file must be set to post to X");
		return 0;
	case POST_MASTODON:
		if (!conf->mastodon.url[0])
			return sentence_refuse(ret_error, size,
					       "[mastodon] url must be set to post to Mastodon");
		if (!conf->mastodon.credential_file[0])
			return sentence_refuse(ret_error, size,
					       "[mastodon] credential_file must be set to post to "
					       "Mastodon");
		return 0;
	}
	return 0;
}

int post_conf_check(const void *conf, char *ret_error, size_t size)
{
	const struct post_conf *c = conf;
	struct in6_addr address;
	int result = check_daily(c->daily_at, ret_error, size);

	if (result == 0)
		result = check_url("x", c->x.url, ret_error, size);
	if (result == 0 && c->mastodon.url[0])
		result = check_url("mastodon", c->mastodon.url, ret_error, size);
	if (result == 0)
		result = check_prefix(c->nat64.prefix, ret_error, size);
	if (result == 0 && c->nat64.dns64[0] && inet_pton(AF_INET6, c->nat64.dns64, &address) != 1)
		result = sentence_refuse(ret_error, size,
					 "[nat64] dns64 must be an IPv6 address without brackets");
	return result == 0 ? check_service(c, ret_error, size) : result;
}

const char *post_conf_template(const struct post_conf *conf, enum post_kind kind)
{
	switch (kind) {
	case POST_START:
		return conf->text_start;
	case POST_SHED:
		return conf->text_shed;
	case POST_HARD:
		return conf->text_hard;
	case POST_NORMAL:
		return conf->text_normal;
	case POST_INCIDENT:
		return conf->text_incident;
	case POST_DAILY:
		return conf->text_daily;
	case POST_KINDS:
		break;
	}
	return "";
}

const char *post_conf_credential_file(const struct post_conf *conf)
{
	return conf->service == POST_X ? conf->x.credential_file : conf->mastodon.credential_file;
}

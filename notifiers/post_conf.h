/* SPDX-License-Identifier: MIT */
/*
 * The settings of posts: sections [post], [x], [mastodon] and [nat64], read by the daemon and by
 * hostingpi-post alike.
 */
#ifndef HOSTINGPI_POST_CONF_H
#define HOSTINGPI_POST_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/conf.h"

#define POST_URL_SIZE 200 /* a line of the file has at most 198 bytes */
#define POST_PATH_SIZE 200
#define POST_TEMPLATE_SIZE 200
#define POST_SECRET_SIZE 256 /* of a key or token; liboauth cuts longer ones (post/oauth.h) */
#define POST_TIME_SIZE 8     /* "HH:MM" */
#define POST_PREFIX_SIZE 200 /* several prefixes */

enum post_service {
	POST_NONE,
	POST_X,
	POST_MASTODON,
	POST_SERVICES,
};

extern const char *const post_service_words[];

enum post_x_api {
	POST_X_V2,  /* POST /2/tweets, JSON */
	POST_X_V11, /* POST /1.1/statuses/update.json, a form; compatible services */
};

/* What a message is about; each has a template. */
enum post_kind {
	POST_START,    /* the agent started with the Pi */
	POST_SHED,     /* less traffic, please */
	POST_HARD,     /* as little as possible */
	POST_NORMAL,   /* back again */
	POST_INCIDENT, /* a critical event */
	POST_DAILY,    /* the day in numbers */
	POST_KINDS,
};

struct post_conf {
	int service; /* enum post_service */
	int64_t max_per_day;
	int64_t min_gap; /* ns */
	int64_t timeout; /* ns, for one attempt of the posting program */
	char program[POST_PATH_SIZE];
	char daily_at[POST_TIME_SIZE]; /* local time; empty: none */
	char text_start[POST_TEMPLATE_SIZE];
	char text_shed[POST_TEMPLATE_SIZE];
	char text_hard[POST_TEMPLATE_SIZE];
	char text_normal[POST_TEMPLATE_SIZE];
	char text_incident[POST_TEMPLATE_SIZE];
	char text_daily[POST_TEMPLATE_SIZE];

	struct {
		char url[POST_URL_SIZE];
		int api; /* enum post_x_api */
		char credential_file[POST_PATH_SIZE];
		char ca_file[POST_PATH_SIZE];
	} x;
	struct {
		char url[POST_URL_SIZE];
		char credential_file[POST_PATH_SIZE];
		char ca_file[POST_PATH_SIZE];
		int visibility; /* index into post_visibility_words */
		char language[12];
		int64_t max_length; /* characters */
	} mastodon;
	struct {
		char prefix[POST_PREFIX_SIZE]; /* "auto", "none", or prefixes */
		char dns64[64];		       /* address of a server to ask; empty: the system's */
	} nat64;
};

extern const char *const post_visibility_words[];

extern const struct conf_item post_conf_items[];   /* [post] */
extern const struct conf_section post_conf_more[]; /* [x], [mastodon], [nat64] */

/* For struct module: 0 or -EINVAL with one sentence that starts with the key. */
int post_conf_check(const void *conf, char *ret_error, size_t size);

/* The template of a kind; empty: nothing is posted about it. */
const char *post_conf_template(const struct post_conf *conf, enum post_kind kind);

/* The credential file of the service. */
const char *post_conf_credential_file(const struct post_conf *conf);

#endif

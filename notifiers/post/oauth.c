/* SPDX-License-Identifier: MIT */
/*
 * liboauth signs; everything around it is ours, because the rest of it has traps. Its functions that
 * split an URL misread '&' and '?' in values, so the parameters go in one by one. Its nonce is made of
 * what a failed library start leaves ("aaaa..."), so ours comes from the kernel. It tells a failed
 * signature only by the word "(null)" in its place. Its HTTP functions are not used at all.
 */
#include "notifiers/post/oauth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <oauth.h>

int oauth_once_make(struct oauth_once *ret_once)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[2 * OAUTH_NONCE_LENGTH];
	size_t used = 0;

	/* 64 letters of which the last two are skipped: every letter stays as likely as the others. */
	while (used < OAUTH_NONCE_LENGTH) {
		ssize_t count = getrandom(bytes, sizeof(bytes), 0);
		if (count < 0)
			return -errno;
		for (ssize_t i = 0; i < count && used < OAUTH_NONCE_LENGTH; i++) {
			if (bytes[i] % 64 < 62)
				ret_once->nonce[used++] = letters[bytes[i] % 64];
		}
	}
	ret_once->nonce[used] = '\0';
	ret_once->time_s = time(NULL);
	return 0;
}

/* The parameters of a request as liboauth wants them: argv[0] is the URL, then "name=value". */
struct list {
	int count;
	char **items;
};

static int add(struct list *list, const char *name, const char *value)
{
	char *item;

	if (asprintf(&item, "%s=%s", name, value) < 0)
		return -ENOMEM;
	oauth_add_param_to_array(&list->count, &list->items, item);
	explicit_bzero(item, strlen(item));
	free(item);
	return 0;
}

static void list_free(struct list *list)
{
	for (int i = 0; i < list->count; i++)
		explicit_bzero(list->items[i], strlen(list->items[i]));
	oauth_free_array(&list->count, &list->items);
}

static int check_keys(const struct oauth_keys *keys)
{
	const char *const all[] = {keys->consumer_key, keys->consumer_secret, keys->token,
				   keys->token_secret};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!all[i][0] || strlen(all[i]) >= OAUTH_KEY_SIZE)
			return -EINVAL;
	}
	return 0;
}

static int fill(struct list *list, const char *url, const struct oauth_parameter *parameters,
		const struct oauth_once *once)
{
	char time_s[24];
	int result = 0;

	oauth_add_param_to_array(&list->count, &list->items, url);
	for (size_t i = 0; result == 0 && parameters && parameters[i].name; i++)
		result = add(list, parameters[i].name, parameters[i].value);
	if (result == 0)
		result = add(list, "oauth_nonce", once->nonce);
	snprintf(time_s, sizeof(time_s), "%lld", (long long)once->time_s);
	if (result == 0)
		result = add(list, "oauth_timestamp", time_s);
	return result;
}

int oauth_header(const char *url, const struct oauth_parameter *parameters,
		 const struct oauth_keys *keys, const struct oauth_once *once, char **ret_header)
{
	static char separator[] = ", ";
	struct list list = {0};
	char *fields = NULL;
	int result = check_keys(keys);

	if (result == 0)
		result = fill(&list, url, parameters, once);
	if (result < 0)
		goto out;
	oauth_sign_array2_process(&list.count, &list.items, NULL, OA_HMAC, "POST",
				  keys->consumer_key, keys->consumer_secret, keys->token,
				  keys->token_secret);
	/* 2 and 4: only what begins with oauth_, in quotation marks. */
	fields = oauth_serialize_url_sep(list.count, 1, list.items, separator, 6);
	if (!fields || !strstr(fields, "oauth_signature=\"") || strstr(fields, "(null)") ||
	    strstr(fields, "%28null%29")) {
		result = -EPROTO;
		goto out;
	}
	if (asprintf(ret_header, "OAuth %s", fields) < 0)
		result = -ENOMEM;
out:
	oauth_header_free(fields);
	list_free(&list);
	return result;
}

void oauth_header_free(char *header)
{
	if (header)
		explicit_bzero(header, strlen(header));
	free(header);
}

char *oauth_escape(const char *text)
{
	return oauth_url_escape(text);
}

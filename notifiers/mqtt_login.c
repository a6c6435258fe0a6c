/* SPDX-License-Identifier: MIT */
/*
 * The file is read for each round of dialling anew, so one that was mended or changed counts without
 * a restart. A login is never half of the old file and half of the new one.
 */
#include "notifiers/mqtt_login.h"

#include <string.h>

#include "agent/sentence.h"
#include "notifiers/credentials.h"
#include "notifiers/mqtt_conf.h"

/* An odd number of digits or another character would come back as a handshake that fails. */
static bool is_hex_key(const char *key)
{
	size_t length = strlen(key);

	return length % 2 == 0 && strspn(key, "0123456789abcdefABCDEF") == length;
}

static int check(const struct mqtt_login *login, const char *path, bool psk, char *ret_error,
		 size_t size)
{
	if (psk && !login->psk_identity[0])
		return sentence_refuse(ret_error, size,
				       "%s has no psk_identity: add the line psk_identity = ...",
				       path);
	if (psk && !login->psk[0])
		return sentence_refuse(ret_error, size, "%s has no psk: add the line psk = ...",
				       path);
	if (psk && !is_hex_key(login->psk))
		return sentence_refuse(
			ret_error, size,
			"%s: psk must be an even number of hexadecimal digits, as openssl rand "
			"-hex 32 prints them",
			path);
	/* Or the login would go over the wire without TLS, against what was meant. */
	if (!psk && (login->psk_identity[0] || login->psk[0]))
		return sentence_refuse(
			ret_error, size,
			"%s has a pre-shared key: set psk = yes in [mqtt] or remove it", path);
	if (!login->username[0] && (!psk || login->password[0]))
		return sentence_refuse(ret_error, size,
				       "%s has no username: add the line username = ...", path);
	return 0;
}

int mqtt_login_read(struct mqtt_login *login, const char *path, bool psk, char *ret_error,
		    size_t size)
{
	const struct credential rows[] = {
		{"username", login->username, sizeof(login->username)},
		{"password", login->password, sizeof(login->password)},
		{"psk_identity", login->psk_identity, sizeof(login->psk_identity)},
		{"psk", login->psk, sizeof(login->psk)},
		{0},
	};
	char error[MQTT_PATH_SIZE + 256];
	int result;

	mqtt_login_forget(login);
	if (!path[0])
		return 0;
	result = credentials_read(path, rows, error, sizeof(error));
	if (result == 0)
		result = check(login, path, psk, error, sizeof(error));
	if (result == 0)
		return 0;
	mqtt_login_forget(login);
	return sentence_fail(result, ret_error, size, "credential_file: %s", error);
}

void mqtt_login_forget(struct mqtt_login *login)
{
	explicit_bzero(login, sizeof(*login));
}

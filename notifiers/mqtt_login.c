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

int mqtt_login_read(struct mqtt_login *login, const char *path, char *ret_error, size_t size)
{
	const struct credential rows[] = {
		{"username", login->username, sizeof(login->username)},
		{"password", login->password, sizeof(login->password)},
		{0},
	};
	char error[MQTT_PATH_SIZE + 256];
	int result;

	mqtt_login_forget(login);
	if (!path[0])
		return 0;
	result = credentials_read(path, rows, error, sizeof(error));
	if (result == 0 && !login->username[0])
		result = sentence_refuse(error, sizeof(error),
					 "%s has no username: add the line username = ...", path);
	if (result == 0)
		return 0;
	mqtt_login_forget(login);
	return sentence_fail(result, ret_error, size, "credential_file: %s", error);
}

void mqtt_login_forget(struct mqtt_login *login)
{
	explicit_bzero(login, sizeof(*login));
}

/* SPDX-License-Identifier: MIT */
/* Name, password and pre-shared key for the broker, from credential_file. Reading it belongs to the worker's thread. */
#ifndef HOSTINGPI_MQTT_LOGIN_H
#define HOSTINGPI_MQTT_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

/* 255 characters: the longest user names and passwords that brokers keep in their own files. */
#define MQTT_SECRET_SIZE 256

/* Zeroed is a valid start. */
struct mqtt_login {
	/* Empty: none. */
	char username[MQTT_SECRET_SIZE], password[MQTT_SECRET_SIZE];
	char psk_identity[MQTT_SECRET_SIZE], psk[MQTT_SECRET_SIZE];
};

/*
 * Replaces what was known by what the file says now; an empty path means no login. With psk
 * it must have a pre-shared key, and then needs no username. Returns 0, or
 * negative errno with one sentence in ret_error that starts with the key and says what to do; nothing
 * is known then.
 */
int mqtt_login_read(struct mqtt_login *login, const char *path, bool psk, char *ret_error,
		    size_t size);
/* Wipes it. */
void mqtt_login_forget(struct mqtt_login *login);

#endif

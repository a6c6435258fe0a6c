/* SPDX-License-Identifier: MIT */
/* What libmosquitto does not say of TLS; mqtt_tls.c is the only file that sees OpenSSL. */
#ifndef HOSTINGPI_MQTT_TLS_H
#define HOSTINGPI_MQTT_TLS_H

#include <stdbool.h>
#include <stddef.h>

/* TLS 1.2 with a pre-shared key and encryption; what else could be had is for certificates. */
#define MQTT_TLS_PSK_CIPHERS "PSK:!kRSAPSK:!eNULL"

/* What is known of a handshake that failed. */
struct mqtt_tls_failure {
	const char *said;      /* by libmosquitto and OpenSSL: all complaints of this connection */
	long verify_result;    /* mqtt_tls_verify_result() */
	bool psk, certificate; /* what we had to show */
	bool key_locked;       /* key_file asked for a password */
	int version_minor;     /* tls_version 1.x, the least */
};

/* Why the broker's certificate was refused; ssl as mosquitto_ssl_get() gives it, not NULL. */
long mqtt_tls_verify_result(void *ssl);

/* One sentence that says what to do. Returns false if said has nothing that is known. */
bool mqtt_tls_explain(const struct mqtt_tls_failure *failure, char *ret_text, size_t size);

struct mqtt_tls_files {
	const char *ca, *certificate, *key; /* empty: none */
};

/*
 * Loads the files as for a connection. Returns true, or false with the key of the setting (static) and
 * a sentence.
 */
bool mqtt_tls_try(const struct mqtt_tls_files *files, const char **ret_key, char *ret_sentence,
		  size_t size);

enum mqtt_tls_proof {
	MQTT_TLS_PENDING, /* the handshake goes on */
	MQTT_TLS_PROVEN,  /* the broker knows the pre-shared key */
	MQTT_TLS_STRANGER,
};

/* Whether the broker has proven with the handshake that it knows the pre-shared key. */
enum mqtt_tls_proof mqtt_tls_psk_proof(void *ssl);

#endif
